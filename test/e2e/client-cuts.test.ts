import { type Client, createClient } from '@causeway/client';
import { afterEach, describe, expect, it } from 'vitest';
import { startRedis } from '../kit/redis.ts';
import { type Relay, startCluster, startRelay } from '../kit/relay.ts';
import { createRng } from '../kit/rng.ts';
import { type ByteCutter, startByteCutter } from './byte-cutter.ts';

const MESSAGES = 3000;
/** More than the send window, so that some wait behind what is sent again. */
const AT_ONCE = 400;
/** Mean length of a connection's life. What is sent again at each reconnect must fit, or nothing would ever arrive. */
const MEAN_BYTES = 30_000;
const SEED = 20;

const stops: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function startPeer(cutter: ByteCutter, peer: string): Promise<Client> {
  const client = createClient({ url: cutter.url, peer, backoff: { minMs: 1, maxMs: 10 } });
  stops.push(() => client.stop());
  await client.start();
  return client;
}

/** Sends `MESSAGES` numbered messages, `AT_ONCE` of them without their receipts. */
async function sendAll(from: Client, to: string): Promise<void> {
  let next = 0;
  const sendOn = async (): Promise<void> => {
    while (next < MESSAGES) {
      const number = next;
      next += 1;
      await from.send(to, String(number).padEnd(number % 97, '.'));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sendOn));
}

/** Everything that is shown up to the message `end`, sent after all the others. */
async function receiveAll(client: Client): Promise<string[]> {
  const shown: string[] = [];
  for await (const message of client.messages()) {
    if (message.text() === 'end') break;
    shown.push(`${message.from} ${Number.parseInt(message.text(), 10)}`);
  }
  return shown;
}

async function exchange(relays: readonly Relay[]): Promise<void> {
  const rng = createRng(SEED);
  const ports = relays.map(({ port }) => port);
  const cutters = [
    await startByteCutter(ports, rng.fork(), MEAN_BYTES),
    await startByteCutter(ports, rng.fork(), MEAN_BYTES),
  ] as const;
  for (const cutter of cutters) stops.push(() => cutter.stop());
  const alice = await startPeer(cutters[0], 'alice');
  const bob = await startPeer(cutters[1], 'bob');

  const received = Promise.all([receiveAll(alice), receiveAll(bob)]);
  await Promise.all([sendAll(alice, 'bob'), sendAll(bob, 'alice')]);
  for (const cutter of cutters) cutter.heal();
  await Promise.all([alice.send('bob', 'end'), bob.send('alice', 'end')]);
  const [byAlice, byBob] = await received;

  const expected = (from: string): string[] => Array.from({ length: MESSAGES }, (_, i) => `${from} ${i}`);
  expect(byBob).toEqual(expected('alice'));
  expect(byAlice).toEqual(expected('bob'));
  expect(cutters[0].cuts).toBeGreaterThan(10);
  expect(cutters[1].cuts).toBeGreaterThan(10);
}

describe('with both sides cut at random bytes, nothing is lost, repeated or reordered', () => {
  it('on one relay', async () => {
    const relay = await startRelay();
    stops.push(() => relay.stop());
    await exchange([relay]);
  });

  it('on two relays over Redis, with a change of relay at any reconnect', async () => {
    const redis = await startRedis();
    stops.push(() => redis.stop());
    const cluster = await startCluster({ relays: 2, redis });
    stops.push(() => cluster.stop());
    await exchange(cluster.relays);
  });
});
