/** Clients that reset their connection while the relay answers them. */
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { startRelay } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';

/** An upgrade without a subprotocol, which is refused with 400 and leaves the connection open for the next. */
const REFUSED = [
  'GET /v1 HTTP/1.1',
  'Host: relay',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  '\r\n',
].join('\r\n');
/** So many at once that the reset comes while they are answered. */
const PIPELINED = REFUSED.repeat(300);
/** A few suffice to hit the moment. */
const RESETS = 200;

const scope = new Scope();
afterEach(() => scope.end());

/** Sends the requests, and resets some turns later. */
function reset(port: number, afterMs: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(PIPELINED);
      setTimeout(() => socket.resetAndDestroy(), afterMs);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.resume();
  });
}

test('a relay whose answers meet a reset goes on', async () => {
  const relay = scope.keep(await startRelay());
  for (let count = 0; count < RESETS && relay.isAlive(); count += 1) await reset(relay.port, count % 5);
  expect(relay.isAlive()).toBe(true);
  expect((await fetch(`http://127.0.0.1:${relay.port}/`)).status).toBe(200);
});
