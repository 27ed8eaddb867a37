import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { AdminClient } from '../src/admin/client.ts';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

export interface Reply {
  readonly status?: number;
  readonly body: object | string;
  readonly type?: string;
}

/** An admin port for tests, with what it was asked. */
export interface Stub {
  readonly url: string;
  readonly admin: AdminClient;
  readonly asked: readonly Asked[];
  close(): void;
}

/** @param answer undefined: never */
export async function startStub(answer: (asked: Asked) => Reply | undefined): Promise<Stub> {
  const asked: Asked[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    const sent = await text(request);
    const { method = '', url = '', headers } = request;
    const { authorization } = headers;
    const one: Asked = { method, path: url, authorization, body: sent === '' ? null : (JSON.parse(sent) as unknown) };
    asked.push(one);
    const reply = answer(one);
    if (reply === undefined) return;
    const { status = 200, body, type = 'application/json' } = reply;
    response.writeHead(status, { 'content-type': type });
    response.end(typeof body === 'string' ? body : `${JSON.stringify(body)}\n`);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { url, admin: new AdminClient(new URL(url), 'secret', 5000), asked, close };
}
