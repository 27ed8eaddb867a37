import { once } from 'node:events';
import { SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import { Client, start } from './start.ts';
import { get, openBoth } from './transport.ts';

function deferred<T>(): [Promise<T>, (value: T) => void] {
  let settle: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => {
    settle = resolve;
  });
  return [promise, settle];
}

describe('HTTP', () => {
  test('describes the relay and its health, everything else is 404', async () => {
    let reason: string | null = null;
    const health = async () => (reason === null ? { ready: true } : { ready: false, reason });
    const { url } = await start(undefined, { health });
    const root = await get(url, '/');
    expect(await root.json()).toEqual({
      name: 'causeway',
      version: '1.2.3',
      node: 'n1',
      region: 'eu',
      protocols: [SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON],
    });
    const healthy = await get(url, '/health');
    expect([healthy.status, await healthy.json()]).toEqual([200, { status: 'ok' }]);
    reason = 'Redis is away';
    const unhealthy = await get(url, '/health');
    expect([unhealthy.status, await unhealthy.json()]).toEqual([503, { status: 'unavailable', reason }]);
    for (const [path, method] of [
      ['/metrics', 'GET'],
      ['/v1', 'GET'],
      ['/', 'POST'],
    ] as const) {
      expect((await get(url, path, method)).status).toBe(404);
    }
  });

  test('a client that leaves before its answer does no harm', async () => {
    const [asked, ask] = deferred<void>();
    const [answer, answerNow] = deferred<{ ready: boolean }>();
    let first = true;
    const { url, edge } = await start(undefined, {
      health: () => {
        if (!first) return Promise.resolve({ ready: true });
        first = false;
        ask();
        return answer;
      },
    });
    const { socket, tcp } = openBoth(edge.port);
    socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n');
    await asked;
    socket.on('error', () => undefined);
    tcp.resetAndDestroy();
    // The next request is read after the reset.
    await get(url, '/');
    answerNow({ ready: true });
    expect((await get(url, '/health')).status).toBe(200);
  });
});

describe('upgrade', () => {
  test('without a subprotocol of ours is 400 with the reason', async () => {
    const { url, seen } = await start();
    for (const offer of [[], ['graphql-ws', 'causeway.v2']]) {
      const client = new Client(url, offer);
      client.socket.on('error', () => undefined);
      const [, response] = await once(client.socket, 'unexpected-response');
      const body = await new Response(response).text();
      expect([response.statusCode, JSON.parse(body)]).toEqual([
        400,
        { error: 'offer the subprotocol causeway.v1 or causeway.v1.json' },
      ]);
    }
    expect(seen.connections).toHaveLength(0);
  });

  test("takes the first of ours in the client's order", async () => {
    const { url, seen, edge } = await start();
    const json = await new Client(url, ['other', SUBPROTOCOL_JSON, SUBPROTOCOL_BINARY]).opened();
    const binary = await new Client(url, [SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON]).opened();
    expect([json.socket.protocol, binary.socket.protocol]).toEqual([SUBPROTOCOL_JSON, SUBPROTOCOL_BINARY]);
    expect(seen.connections.map(({ address }) => address)).toEqual(['127.0.0.1', '127.0.0.1']);
    expect(edge.connections).toBe(2);
  });
});
