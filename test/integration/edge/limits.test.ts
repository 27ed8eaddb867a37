import { once } from 'node:events';
import { connect } from 'node:net';
import { CloseCode, SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import type { Connection } from '../../../services/relay/src/core/connection.ts';
import { waitFor } from '../../kit/wait.ts';
import { BOB, Client, framesOf, send, start } from './start.ts';

describe('limits', () => {
  test('a consumer that does not read is closed, its memory is bounded and others are served', async () => {
    const payload = Buffer.alloc(60_000);
    const { url, seen } = await start((connection, frame) => {
      if (frame.type === 'send' && frame.id !== null) connection.deliver(1, frame.id, 0, BOB, payload);
    });
    const slow = await new Client(url).opened();
    slow.socket.pause();
    const [connection] = seen.connections as [Connection];
    const before = process.memoryUsage().rss;
    let sent = 0;
    while (seen.drops.length === 0) {
      connection.deliver(1, sent, 0, BOB, payload);
      sent += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(seen.drops).toEqual(['slow_consumer']);
    expect([seen.closed, seen.closeCodes]).toEqual([1, [1006]]);
    // The bound, and what the sockets of both sides hold in the system, which takes a few MB on any Linux.
    expect(sent * payload.length).toBeLessThan(32 * 1024 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    const other = await new Client(url).opened();
    other.socket.send(send(9, payload));
    expect(framesOf((await other.next(1))[0] as Buffer)).toMatchObject([{ type: 'deliver', id: 9 }]);
    slow.socket.terminate();
  });

  test('beyond the limit a client is told server_full and has no session', async () => {
    const { url, seen, edge } = await start(undefined, { maxConnections: 1 });
    const first = await new Client(url).opened();
    const second = new Client(url);
    expect(await second.closed()).toEqual({ code: CloseCode.busy, reason: 'server full' });
    expect(second.frames).toMatchObject([{ type: 'error', code: 'server_full', retryAfterMs: 5000 }]);
    const third = new Client(url, SUBPROTOCOL_JSON);
    expect((await third.closed()).code).toBe(CloseCode.busy);
    expect(JSON.parse(String(third.messages[0]))).toMatchObject({ type: 'error', code: 'server_full' });
    expect(seen.drops).toEqual(['connection_limit', 'connection_limit']);
    expect([seen.connections.length, seen.closed, edge.connections]).toEqual([1, 0, 1]);
    first.socket.close();
    await first.closed();
    await new Client(url).opened();
    expect(seen.connections).toHaveLength(2);
  });

  test('more than 1000 of them in a short time are refused at the upgrade', async () => {
    const { url, seen } = await start(undefined, { maxConnections: 0 });
    for (let batch = 0; batch < 20; batch += 1) {
      const clients = Array.from({ length: 50 }, () => new Client(url));
      await Promise.all(clients.map((client) => client.closed()));
    }
    const refused = new Client(url);
    refused.socket.on('error', () => undefined);
    const [, response] = await once(refused.socket, 'unexpected-response');
    expect(response.statusCode).toBe(503);
    refused.socket.terminate();
    expect(seen.drops).toHaveLength(1001);
  });
});

describe('handshakes', () => {
  test('sockets that never become WebSockets leave room for those that do, and each that is cut is counted', async () => {
    const { url, edge, seen } = await start(undefined, { maxConnections: 10 });
    await new Client(url).opened();
    let cut = 0;
    const sockets = Array.from({ length: 100 }, () => {
      const socket = connect(edge.port, '127.0.0.1').on('close', () => {
        cut += 1;
      });
      return socket.on('error', () => undefined);
    });
    // 9 places of connections and 64 more.
    await waitFor(() => cut === 27, { what: '27 sockets are cut' });
    expect(seen.drops).toEqual(Array.from({ length: 27 }, () => 'handshake_limit'));
    expect(edge.connections).toBe(1);
    for (const socket of sockets) socket.destroy();
    await waitFor(
      async () => {
        const client = new Client(url);
        client.socket.on('error', () => undefined);
        const [event] = await Promise.race([
          once(client.socket, 'open').then(() => ['open']),
          once(client.socket, 'close').then(() => ['close']),
        ]);
        return event === 'open';
      },
      { what: 'a client finds room' },
    );
  });
});

describe('heartbeat', () => {
  test('pings, and reports who is silent for two heartbeats, not who answers', async () => {
    const { url, seen } = await start(undefined, { heartbeatMs: 200 });
    const answering = await new Client(url).opened();
    const silent = await new Client(url, SUBPROTOCOL_BINARY, { autoPong: false }).opened();
    let pings = 0;
    answering.socket.on('ping', () => {
      pings += 1;
    });
    expect(await silent.closed()).toEqual({ code: CloseCode.timeout, reason: 'timeout' });
    while (pings < 4) await once(answering.socket, 'ping');
    expect(seen.silent).toBe(1);
    expect(answering.socket.readyState).toBe(WebSocket.OPEN);
  });
});
