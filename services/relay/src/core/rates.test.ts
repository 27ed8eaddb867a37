import type { PeerId, RealmName } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { A, B, keptLog } from '../../../../test/simulation/core-kit.ts';
import { World } from '../../../../test/simulation/world.ts';
import { createEmbeddedCluster } from '../embedded/cluster.ts';
import { createEmbeddedStore } from '../embedded/store.ts';
import { Counters } from './counters.ts';
import { MOST_NAMED, mergeTop, RATES_MS, Rates } from './rates.ts';
import { UsageMeter } from './usage.ts';

function setUp() {
  const world = new World();
  const { usage: books, snapshots } = createEmbeddedStore(createEmbeddedCluster(() => world.now()));
  const common = { clock: world, timers: world };
  function start(node: typeof A) {
    const own = { node, counters: new Counters(), log: keptLog(), perPeer: false, flushMs: 5000, keepMs: 1e9 };
    const usage = new UsageMeter({ ...common, ...own, books });
    const rates = new Rates({ ...common, node, usage, snapshots });
    rates.start();
    function send(realm: string, peer: string, messages: number, bytes = 0): void {
      const account = usage.account(realm as RealmName, peer as PeerId);
      account.messagesIn += messages;
      account.bytesIn += bytes;
    }
    const open = (realm: string, peer: string) => usage.account(realm as RealmName, peer as PeerId).open();
    return { rates, send, open };
  }
  async function top(count = 10) {
    const reply = await snapshots.read();
    return mergeTop('texts' in reply ? reply.texts : [], count);
  }
  return { world, start, top, run: (ms: number) => world.run(ms, () => false) };
}

test('tells what was taken from realms and peers in the last seconds, over all nodes', async () => {
  const { start, top, run } = setUp();
  const [a, b] = [start(A), start(B)];
  a.open('acme', 'ann');
  a.open('acme', 'bob');
  b.open('acme', 'ann');
  a.open('quiet', 'eve');
  a.send('acme', 'ann', 10, 2000);
  b.send('acme', 'ann', 3, 10);
  a.send('acme', 'bob', 4);
  await run(RATES_MS);
  expect(await top()).toEqual({
    realms: [
      { realm: 'acme', messagesPerSecond: 8.5, bytesPerSecond: 1005, connections: 3 },
      { realm: 'quiet', messagesPerSecond: 0, bytesPerSecond: 0, connections: 1 },
    ],
    peers: [
      { realm: 'acme', peer: 'ann', messagesPerSecond: 6.5, bytesPerSecond: 1005 },
      { realm: 'acme', peer: 'bob', messagesPerSecond: 2, bytesPerSecond: 0 },
    ],
    nodes: 2,
  });
  b.send('acme', 'ann', 1);
  await run(RATES_MS);
  expect((await top()).peers).toEqual([{ realm: 'acme', peer: 'ann', messagesPerSecond: 0.5, bytesPerSecond: 0 }]);
  expect((await top(0)).realms).toEqual([]);
});

test('names the busiest only, and large messages count for more', async () => {
  const { start, top, run } = setUp();
  const { send } = start(A);
  for (let index = 0; index < 2 * MOST_NAMED; index += 1) send(`r${index}`, 'p', 2 + 2 * index);
  send('few', 'large', 2, 2_000_000);
  await run(RATES_MS);
  const { realms, peers } = await top(1000);
  const order = ['few', ...Array.from({ length: MOST_NAMED - 1 }, (_, index) => `r${2 * MOST_NAMED - 1 - index}`)];
  expect([realms.map(({ realm }) => realm), peers.map(({ realm }) => realm)]).toEqual([order, order]);
  expect((await top(2)).realms.map(({ messagesPerSecond }) => messagesPerSecond)).toEqual([1, 2 * MOST_NAMED]);
});

test('a node that tells nothing any more is not counted', async () => {
  const { start, top, run } = setUp();
  const [a] = [start(A), start(B)];
  await run(RATES_MS);
  a.rates.stop();
  await run(3 * RATES_MS);
  expect((await top()).nodes).toBe(2);
  await run(RATES_MS);
  expect(await top()).toEqual({ realms: [], peers: [], nodes: 1 });
});
