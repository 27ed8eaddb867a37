import type { HttpRequest, HttpResponse, TemplatedApp } from 'uWebSockets.js';
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

/** Answers at once, within the handler's call or a cork. */
export function respond(response: HttpResponse, status: string, body: object): void {
  response
    .writeStatus(status)
    .writeHeader('content-type', 'application/json')
    .writeHeader('cache-control', 'no-store')
    .end(`${JSON.stringify(body)}\n`);
}

/**
 * Answers with what `work` resolves to; a client that leaves before is not answered. `work` must not reject.
 */
export function respondLater<T>(
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

export function notFound(response: HttpResponse, request: HttpRequest): void {
  respond(response, '404 Not Found', { error: 'not found', path: request.getUrl() });
}

/** The HTTP part of the public port (PROTOCOL section 8). */
export function routeHttp(app: TemplatedApp, identity: () => Identity, health: () => Promise<Health>): void {
  app
    .get('/', (response) => respond(response, '200 OK', { ...identity(), protocols: PROTOCOLS }))
    .get('/health', (response) => respondLater(response, health(), answerHealth))
    .any('/*', notFound);
}

function answerHealth(response: HttpResponse, health: Health): void {
  if (health.ready) respond(response, '200 OK', { status: 'ok' });
  else respond(response, '503 Service Unavailable', { status: 'unavailable', reason: health.reason ?? 'not ready' });
}
