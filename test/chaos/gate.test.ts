import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { freePort } from '../kit/ports.ts';
import { createRng } from '../kit/rng.ts';
import { Scope } from '../kit/scope.ts';
import { waitFor } from '../kit/wait.ts';
import { Gate } from './gate.ts';
import { Placement } from './placement.ts';

const scope = new Scope();
afterEach(() => scope.end());

/** Says its port to whoever connects. */
async function startRelay(): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.write(String((server.address() as { port: number }).port));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.keep({
    stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  return (server.address() as { port: number }).port;
}

async function enter(gate: Gate): Promise<number> {
  const socket = scope.keep({ socket: connect(Number(new URL(gate.url).port)), stop: () => undefined }).socket;
  socket.on('error', () => undefined);
  const [said] = await once(socket, 'data');
  return Number(said);
}

it('leads past a relay that refuses connections, and away from the one before', async () => {
  const [one, two, down] = [await startRelay(), await startRelay(), await freePort()];
  const placement = new Placement([one, two, down], createRng(1));
  const gate = await scope.keep(new Gate(placement, createRng(2))).start();
  const first = await enter(gate);
  expect([one, two]).toContain(first);
  expect(gate.port).toBe(first);
  gate.hop({ unseen: false });
  expect(await enter(gate)).toBe(first === one ? two : one);
  expect([one, two, down].map((port) => placement.population(port)).sort()).toEqual([0, 0, 1]);
});

it('goes back to the only relay there is, and counts nobody who has left', async () => {
  const [only, down] = [await startRelay(), await freePort()];
  const placement = new Placement([only, down], createRng(1));
  const gate = await scope.keep(new Gate(placement, createRng(2))).start();
  expect(await enter(gate)).toBe(only);
  gate.hop({ unseen: true });
  expect(await enter(gate)).toBe(only);
  gate.hop({ unseen: false });
  await waitFor(() => placement.population(only) === 0, { what: 'the relay is left' });
  expect(placement.population(down)).toBe(0);
});
