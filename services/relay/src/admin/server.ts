import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listenOn } from '@causeway/service-kit';

export interface AdminOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  metrics(): Promise<{ readonly contentType: string; readonly body: string }>;
  /** Why the node takes no clients now; none when it is ready. */
  notReady(): Promise<readonly string[]>;
}

/** Health and metrics for the operator, apart from the public port. */
export interface Admin {
  /** @throws PortInUse, CannotListen */
  listen(): Promise<void>;
  /** 0 while it does not listen. */
  readonly port: number;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export function createAdmin(options: AdminOptions): Admin {
  const server = createServer((request, response) => void respond(options, request, response));
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

async function respond(options: AdminOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, contentType, body } = await answer(options, request).catch((error: unknown) =>
    json(500, { error: error instanceof Error ? error.message : String(error) }),
  );
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' }).end(body);
}

async function answer(options: AdminOptions, { method, url }: IncomingMessage): Promise<Answer> {
  const path = method === 'GET' ? url?.split('?', 1)[0] : undefined;
  switch (path) {
    case '/metrics':
      return { status: 200, ...(await options.metrics()) };
    case '/health/live':
      // That this is answered at all says that the event loop turns.
      return json(200, { status: 'ok' });
    case '/health/ready': {
      const reasons = await options.notReady();
      return reasons.length === 0 ? json(200, { status: 'ok' }) : json(503, { status: 'unavailable', reasons });
    }
    default:
      return json(404, { error: 'not found', path: url });
  }
}

function json(status: number, body: object): Answer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(body)}\n` };
}
