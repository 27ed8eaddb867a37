import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { encodeFrame, PROTOCOL_VERSION } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { waitFor } from '../../kit/wait.ts';
import { useVictim } from './fixture.ts';

const UPGRADE = [
  'GET /v1 HTTP/1.1',
  'Host: 127.0.0.1',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Protocol: causeway.v1',
  '',
  '',
].join('\r\n');
const MAX_CONNECTIONS = 1024;
const SLICE = 500;

const victim = useVictim({
  CAUSEWAY_MAX_CONNECTIONS: String(MAX_CONNECTIONS),
  CAUSEWAY_HELLO_TIMEOUT_MS: '1000',
});

/** HELLO as one masked WebSocket frame, RFC 6455 section 5.2, with a mask of zeros. */
function helloFrame(): Buffer {
  const hello = encodeFrame({ type: 'hello', v: PROTOCOL_VERSION, realm: 'default' as never });
  return Buffer.concat([Buffer.of(0x82, 0x80 | hello.length, 0, 0, 0, 0), hello]);
}

async function dial(): Promise<Socket> {
  const socket = connect(victim.relay.port, '127.0.0.1').on('error', () => undefined);
  victim.keep({ stop: () => socket.destroy() });
  await Promise.race([once(socket, 'connect'), new Promise((resolve) => socket.once('close', resolve))]);
  return socket;
}

/** Until the relay has answered, or the socket has ended: bytes behind an upgrade that is not answered yet get lost. */
function answered(sockets: readonly Socket[]): Promise<unknown> {
  const open = sockets.filter((socket) => !socket.destroyed);
  return Promise.all(
    open.map((socket) => new Promise((resolve) => socket.once('data', resolve).once('close', resolve))),
  );
}

function dialAll(count: number): Promise<Socket[]> {
  return Promise.all(Array.from({ length: count }, dial));
}

test('sockets that say nothing, or half a request', async () => {
  await victim.during(async () => {
    const sockets = await dialAll(400);
    for (const [index, socket] of sockets.entries()) if (index % 2 === 0) socket.write(UPGRADE.slice(0, 40));
    let gone = 0;
    for (const socket of sockets) socket.on('close', () => (gone += 1)).resume();
    await waitFor(() => gone === sockets.length, { what: 'the relay has closed them', timeoutMs: 30_000 });
  });
  await victim.atRest();
});

test('WebSockets without a HELLO, and with one that comes byte by byte and never ends', async () => {
  const late = await victim.since('causeway_connections_closed_total', { code: '4008' });
  const hello = helloFrame();
  await victim.during(async () => {
    const sockets = await dialAll(400);
    for (const socket of sockets) socket.write(UPGRADE);
    await answered(sockets);
    let gone = 0;
    for (const socket of sockets) socket.on('close', () => (gone += 1)).resume();
    for (let at = 0; gone < sockets.length; at += 1) {
      for (const [index, socket] of sockets.entries()) {
        if (index % 2 === 0 && at < hello.length - 1 && !socket.destroyed) socket.write(hello.subarray(at, at + 1));
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
  await victim.atRest();
  expect((await victim.since('causeway_connections_closed_total', { code: '4008' })) - late).toBe(400);
});

test('10,000 connects that are reset, at each stage of the opening', async () => {
  const hello = helloFrame();
  await victim.during(async () => {
    for (let connected = 0; connected < 10_000; connected += SLICE) {
      const sockets = await dialAll(SLICE);
      const stage = (least: number): Socket[] =>
        sockets.filter((socket, index) => index % 4 >= least && !socket.destroyed);
      for (const socket of stage(1)) socket.write(UPGRADE);
      await answered(stage(2));
      for (const socket of stage(2)) socket.write(hello);
      await answered(stage(3));
      for (const socket of sockets) socket.resetAndDestroy();
    }
  });
  expect(await victim.since('causeway_registrations_total')).toBeGreaterThan(1000);
  await victim.atRest();
});

test('more clients than the relay takes, at once and again and again', async () => {
  await victim.during(async () => {
    for (let round = 0; round < 3; round += 1) {
      const sockets = await dialAll(1500);
      for (const socket of sockets) if (!socket.destroyed) socket.write(UPGRADE);
      await waitFor(async () => (await victim.since('causeway_connections')) > MAX_CONNECTIONS / 2, {
        what: 'the relay is well filled',
      });
      expect((await victim.relay.metrics()).value('causeway_connections')).toBeLessThanOrEqual(MAX_CONNECTIONS);
      for (const socket of sockets) socket.resetAndDestroy();
    }
  });
  const dropped = await Promise.all(
    ['handshake_limit', 'connection_limit'].map((reason) => victim.since('causeway_drops_total', { reason })),
  );
  expect((dropped[0] as number) + (dropped[1] as number)).toBeGreaterThan(0);
  await victim.atRest();
});
