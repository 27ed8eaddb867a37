import { once } from 'node:events';
import { CloseCode, SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import type { Connection } from '../../../services/relay/src/core/connection.ts';
import { BOB, Client, send, start } from './start.ts';
import { open } from './transport.ts';

describe('closing', () => {
  test.each([SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON])(
    '%s: what waits leaves before the close, nothing after',
    async (subprotocol) => {
      const { url, seen } = await start((connection) => {
        connection.send({ type: 'goaway', reason: 'draining', reconnectAfterMs: 1, urls: [] });
        connection.close(CloseCode.draining, 'é'.repeat(100));
        connection.receipt(1, 1);
        connection.deliver(1, 1, 0, BOB, new Uint8Array(1));
        connection.send({ type: 'throttle', scope: 'peer', retryAfterMs: 7 });
        connection.close(CloseCode.malformed, 'again');
        expect(seen.closed, 'the core is not told of a close within its own call').toBe(0);
      });
      const client = await new Client(url, subprotocol).opened();
      client.socket.send(
        subprotocol === SUBPROTOCOL_JSON ? '{"type":"ping","data":"AAAAAAAAAAA="}' : send(1, new Uint8Array(1)),
      );
      expect(await client.closed()).toEqual({ code: CloseCode.draining, reason: 'é'.repeat(61) });
      expect(client.messages).toHaveLength(1);
      expect(String(client.messages[0])).toContain('draining');
      expect([seen.closed, seen.closeCodes]).toEqual([1, [CloseCode.draining]]);
      // After the socket is gone all calls do nothing.
      const [connection] = seen.connections as [Connection];
      connection.receipt(1, 1);
      connection.send({ type: 'throttle', scope: 'peer', retryAfterMs: 7 });
      connection.close(CloseCode.draining, '');
    },
  );

  test('frames behind a close are not handed over, be they in the same packet or the next', async () => {
    const { url, seen } = await start((connection) => connection.close(CloseCode.draining, 'bye'));
    const client = await new Client(url).opened();
    const packet = send(1, new Uint8Array(1));
    client.socket.send(Buffer.concat([packet, packet]));
    client.socket.send(packet);
    await client.closed();
    expect(seen.frames).toHaveLength(1);
    expect(seen.malformed).toEqual([]);
  });

  test("the client's own close codes are folded", async () => {
    const { url, seen, edge } = await start();
    for (const code of [1001, 4409, 4999]) {
      const client = await new Client(url).opened();
      client.socket.close(code);
      await client.closed();
    }
    expect(seen.closeCodes).toEqual([1001, 1000, 1000]);
    expect([seen.closed, edge.connections]).toEqual([3, 0]);
  });

  test('a peer that never answers the close frame does not keep its socket', async () => {
    const { edge, seen } = await start((connection) => connection.close(CloseCode.draining, 'bye'));
    const socket = open(edge.port, { allowHalfOpen: true });
    socket.write(
      `GET /v1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ${SUBPROTOCOL_BINARY}\r\n\r\n`,
    );
    await once(socket, 'data');
    const packet = send(1, new Uint8Array(1));
    socket.write(Buffer.concat([Uint8Array.of(0x82, 0x80 | packet.length, 0, 0, 0, 0), packet]));
    await once(socket, 'end');
    expect(seen.closed).toBe(1);
    // Our half stays open; when the relay's socket is gone, the system answers further bytes with a reset.
    socket.on('error', () => undefined);
    const timer = setInterval(() => socket.write(Uint8Array.of(0x8a, 0x80, 0, 0, 0, 0)), 100);
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(timer);
  });
});
