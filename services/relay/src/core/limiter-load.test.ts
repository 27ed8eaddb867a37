import type { PeerId, RealmName } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { keyOf, LimiterBench, messages, takeAll } from '../../../../test/simulation/limits-bench.ts';
import { World } from '../../../../test/simulation/world.ts';
import { peerKey } from './address.ts';
import type { BucketStore } from './bucket-ports.ts';
import { HeldPeers } from './limiter-peers.ts';

const LIMITS = { messages: { perSecond: 1, burst: 10 }, bytes: null };

/** Peers whose store answers when a test says so. */
function setUp() {
  const world = new World();
  const waiting: (() => void)[] = [];
  const calls: string[] = [];
  const ask = <T>(name: string, reply: T): Promise<T> => {
    calls.push(name);
    return new Promise((resolve) => waiting.push(() => resolve(reply)));
  };
  let isAway = false;
  const store = {
    hold: () => ask('hold', { kind: 'held', level: { messages: 10, bytes: 0 } }),
    giveBack: () => ask('giveBack', isAway ? { kind: 'unavailable', reason: 'test' } : { kind: 'given_back' }),
  } as unknown as BucketStore;
  const peers = new HeldPeers({
    ...{ node: 'n' as never, store, clock: world, beat: { tick: 0, now: 0 }, away: 'share' },
    ...{ nodes: () => 1, isReachable: () => true, onReply: () => undefined },
  });
  const settle = () => world.run(0, () => false);
  const answer = async (): Promise<void> => {
    for (const call of waiting.splice(0)) call();
    await settle();
  };
  const keys = Array.from({ length: 100 }, (_, index) => keyOf(`p${index}`));
  return { peers, keys, calls, waiting, answer, settle, away: () => (isAway = true) };
}

test('a limit that is new for all peers asks the store for a few at a time, and for none that has gone', async () => {
  const { peers, keys, calls, waiting, answer, settle } = setUp();
  for (const key of keys) peers.begin(key, LIMITS, false);
  await settle();
  expect(waiting).toHaveLength(8);
  for (const key of keys.slice(50)) peers.release(key);
  for (let round = 0; round < 20; round += 1) await answer();
  expect(calls.filter((name) => name === 'hold')).toHaveLength(50);
});

test('a limit that is lifted for all peers gives their buckets back a few at a time', async () => {
  const { peers, keys, calls, waiting, answer, settle } = setUp();
  for (const key of keys) void peers.open(key, LIMITS);
  await answer();
  for (const key of keys) peers.release(key);
  await settle();
  expect(waiting).toHaveLength(8);
  for (let round = 0; round < 20; round += 1) await answer();
  expect(calls.filter((name) => name === 'giveBack')).toHaveLength(100);
});

test('a node that stops while the store is away does not wait for each of its peers', async () => {
  const { peers, keys, calls, answer, away } = setUp();
  for (const key of keys) void peers.open(key, LIMITS);
  await answer();
  away();
  let isStopped = false;
  void peers.stop().then(() => {
    isStopped = true;
  });
  for (let round = 0; round < 2; round += 1) await answer();
  expect([isStopped, calls.filter((name) => name === 'giveBack').length]).toEqual([true, 8]);
});

test('realms that clients only name are forgotten, also where nobody sends', async () => {
  const bench = new LimiterBench();
  const limiter = bench.node({ defaults: { realm: messages(10, 10) } });
  limiter.start();
  for (let index = 0; index < 20; index += 1) {
    const allowance = await limiter.open(peerKey(`r${index}` as RealmName, 'p' as PeerId), {});
    allowance.close();
  }
  expect([limiter.report(100).realms, bench.world.pending]).toEqual([[], 0]);
});

test('a clock that goes back does not keep an unused scope awake', async () => {
  const bench = new LimiterBench();
  const allowance = await bench.node({ defaults: { realm: messages(10, 10) } }).open(keyOf('p'), {});
  takeAll(allowance);
  const now = bench.world.now.bind(bench.world);
  bench.world.now = () => now() - 3_600_000;
  await bench.pass(30_000);
  const asked = bench.calls.length;
  await bench.pass(30_000);
  expect([bench.calls.length, bench.world.pending]).toEqual([asked, 0]);
});

test('nodes that begin anew do not each take the whole burst of the cluster for theirs', async () => {
  const bench = new LimiterBench();
  let living = 0;
  const limiter = bench.node({ cluster: messages(10, 100) }, { nodes: () => living });
  living = 4;
  limiter.start();
  expect(takeAll(await limiter.open(keyOf('p'), {})).passed).toBe(25);
});
