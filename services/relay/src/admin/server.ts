import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listenOn } from '@causeway/service-kit';
import { type Answer, failure, json } from './answer.ts';
import { AdminApi, type AdminApiDeps } from './api.ts';

const OPENMETRICS = /^\s*application\/openmetrics-text\s*(;|$)/i;
const REFUSED = /;\s*q=0(\.0*)?\s*(;|$)/i;

/** As which `/metrics` answers. */
export type MetricsFormat = 'prometheus' | 'openmetrics';

/** `tokens`: whom the admin API serves; nobody when there are none. */
export interface AdminOptions extends AdminApiDeps {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  metrics(format: MetricsFormat): Promise<{ readonly contentType: string; readonly body: string }>;
  /** Why the node takes no clients now; none when it is ready. */
  notReady(): Promise<readonly string[]>;
  /** A request was answered with 500: a defect. */
  failed(error: unknown, path: string): void;
}

/** Health, metrics and the admin API for the operator, apart from the public port. */
export interface Admin {
  /** @throws PortInUse, CannotListen */
  listen(): Promise<void>;
  /** 0 while it does not listen. */
  readonly port: number;
  close(): Promise<void>;
}

export function createAdmin(options: AdminOptions): Admin {
  const api = new AdminApi(options);
  const server = createServer((request, response) => void respond(options, api, request, response));
  return {
    listen: () => listenOn(server, options.host, options.port),
    get port() {
      return (server.address() as AddressInfo | null)?.port ?? 0;
    },
    close() {
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

async function respond(
  options: AdminOptions,
  api: AdminApi,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const answered = await answer(options, api, request).catch((error: unknown) => {
    options.failed(error, request.url ?? '');
    return failure(500, 'internal', error instanceof Error ? error.message : String(error));
  });
  const { status, contentType, body, headers, afterwards } = answered;
  if (afterwards !== undefined) response.once('close', afterwards);
  response
    .writeHead(status, {
      'content-type': contentType,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      ...headers,
    })
    .end(body);
}

async function answer(options: AdminOptions, api: AdminApi, request: IncomingMessage): Promise<Answer> {
  const { method, url = '/' } = request;
  const [path = '', ...query] = url.split('?');
  if (path === '/admin' || path.startsWith('/admin/')) return api.answer(request, path, query.join('?'));
  switch (method === 'GET' || method === 'HEAD' ? path : '') {
    case '/metrics':
      return { status: 200, ...(await options.metrics(metricsFormat(request.headers.accept))) };
    case '/health/live':
      // That this is answered at all says that the event loop turns.
      return json(200, { status: 'ok' });
    case '/health/ready': {
      const reasons = await options.notReady();
      return reasons.length === 0 ? json(200, { status: 'ok' }) : json(503, { status: 'unavailable', reasons });
    }
    default:
      return failure(404, 'not_found', 'there is no such path', { path: url });
  }
}

/** OpenMetrics for whoever takes it, as Prometheus does first of all. */
function metricsFormat(accept = ''): MetricsFormat {
  const takes = accept.split(',').some((range) => OPENMETRICS.test(range) && !REFUSED.test(range));
  return takes ? 'openmetrics' : 'prometheus';
}
