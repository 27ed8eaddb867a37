import type { HttpResponse, TemplatedApp } from 'uWebSockets.js';
import { SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON } from '@causeway/protocol';

/** What `GET /` tells about the relay. */
export interface Identity {
  readonly name: string;
  readonly version: string;
  readonly node: string;
  readonly region: string;
}

export interface Health {
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly reason?: string;
}

const PROTOCOLS = [SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON];

/** Answers within the handler's call or a cork. */
export type Answer = (response: HttpResponse, status: string, body: object) => void;

/** Answers at once; the connection stays open for further requests. */
export function respond(response: HttpResponse, status: string, body: object): void {
  // Of a client that reset its connection a moment ago the answer fails, and without this the library ends the process.
  response.onAborted(() => undefined);
  write(response, status, body, false);
}

/**
 * Answers in the next turn and closes: uWebSockets.js reads no second request while the first one has no answer. Where
 * proxies begin connections with a PROXY header, each request may begin with one, so the second could be the client's.
 */
export function respondAndClose(response: HttpResponse, status: string, body: object): void {
  const answered = new Promise<void>((resolve) => setImmediate(resolve));
  respondLater(response, answered, () => write(response, status, body, true));
}

function write(response: HttpResponse, status: string, body: object, close: boolean): void {
  response
    .writeStatus(status)
    .writeHeader('content-type', 'application/json')
    .writeHeader('cache-control', 'no-store')
    .end(`${JSON.stringify(body)}\n`, close);
}

/**
 * Answers with what `work` resolves to; a client that leaves before is not answered. `work` must not reject.
 */
function respondLater<T>(
  response: HttpResponse,
  work: Promise<T>,
  answer: (response: HttpResponse, result: T) => void,
): void {
  let aborted = false;
  response.onAborted(() => {
    aborted = true;
  });
  void work.then((result) => {
    if (!aborted) response.cork(() => answer(response, result));
  });
}

/** The HTTP part of the public port (PROTOCOL section 8). */
export function routeHttp(
  app: TemplatedApp,
  answer: Answer,
  identity: () => Identity,
  health: () => Promise<Health>,
): void {
  app
    .get('/', (response) => answer(response, '200 OK', { ...identity(), protocols: PROTOCOLS }))
    .get('/health', (response) => respondLater(response, health(), (later, now) => answerHealth(later, answer, now)))
    .any('/*', (response, request) =>
      answer(response, '404 Not Found', { error: 'not found', path: request.getUrl() }),
    );
}

function answerHealth(response: HttpResponse, answer: Answer, health: Health): void {
  if (health.ready) answer(response, '200 OK', { status: 'ok' });
  else answer(response, '503 Service Unavailable', { status: 'unavailable', reason: health.reason ?? 'not ready' });
}
