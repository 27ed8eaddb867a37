import { DeliverFlag, ReceiptStatus } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import {
  A,
  B,
  C,
  come,
  keptLog,
  key,
  Script,
  TestCluster,
  UNAVAILABLE,
  withMethods,
} from '../../../../test/simulation/core-kit.ts';
import type { Mailbox, RegisterReply, RegisterRequest } from './ports.ts';
import type { Settings } from './settings.ts';

const { delivered, queued } = ReceiptStatus;
const STORED = ` flags ${DeliverFlag.stored}`;
const AGAIN = ` flags ${DeliverFlag.stored | DeliverFlag.again}`;
const BOB = key('bob');

/** Bob and carol on A, alice on B, dora on C. What A asks of the store can be held up, or not be answered. */
async function setUp(given: Partial<Settings> = {}) {
  const changes = { ackTimeoutMs: 100_000, ...given };
  const cluster = new TestCluster();
  const store = { isAway: false, registers: 0 };
  let onDisturbed = (): void => undefined;
  const a = await cluster.start(
    A,
    changes,
    ({ directory }) => ({
      directory: withMethods(directory, {
        async register(request: RegisterRequest): Promise<RegisterReply> {
          store.registers += 1;
          return store.isAway ? UNAVAILABLE : directory.register(request);
        },
      }),
      onDisturbed: (listener) => {
        onDisturbed = listener;
      },
    }),
    keptLog(),
  );
  const b = await cluster.start(B, changes);
  const c = await cluster.start(C, changes);
  const bob = await cluster.connect(a.relay, 'bob');
  const carol = await cluster.connect(a.relay, 'carol');
  const alice = await cluster.connect(b.relay, 'alice');
  const dora = await cluster.connect(c.relay, 'dora');
  return {
    ...{ cluster, a: a.relay, b: b.relay, killB: b.kill, c: c.relay, alice, bob, carol, dora, store },
    run: (ms: number) => cluster.run(ms),
    location: () => cluster.shared.peers.get(BOB)?.location,
    mailbox: () => cluster.shared.peers.get(BOB)?.mailbox.entries.size ?? 0,
    /** The store forgets what it has of bob, and says that it may have. */
    lose: () => {
      cluster.shared.peers.delete(BOB);
      onDisturbed();
    },
  };
}

describe('a registration that the store has lost', () => {
  test('is made again within seconds of a disturbance; its client notices nothing', async () => {
    const { a, bob, alice, run, location, lose } = await setUp();
    const before = location()?.epoch as number;
    lose();
    await run(3000);
    expect([location()?.owner?.node, location()?.prev, a.counters.reclaimed]).toEqual([A, [], 1]);
    expect(location()?.epoch).toBeGreaterThan(before);
    alice.sendTo('bob', 1);
    await run(10);
    bob.say({ type: 'ack', seq: 1 });
    await run(10);
    expect([bob.take(), bob.closedWith, alice.take()]).toEqual([['deliver 1 alice 1'], 0, [`receipt 1 ${delivered}`]]);
    await run(10_000);
    expect(a.counters.reclaimed).toBe(1);
  });

  test('is made again when it has its turn, without a word from the store', async () => {
    const { a, bob, cluster, run, location } = await setUp({ reservationTtlMs: 30_000 });
    cluster.shared.peers.delete(BOB);
    await run(25_000);
    expect([location()?.owner?.node, a.counters.reclaimed, bob.closedWith]).toEqual([A, 1, 0]);
  });

  test('what was unacknowledged is stored, and its client gets what others have stored meanwhile', async () => {
    const { bob, carol, dora, run, lose, mailbox } = await setUp();
    carol.sendTo('bob', 1);
    lose();
    dora.sendTo('bob', 1);
    await run(10);
    expect(dora.take()).toEqual([`receipt 1 ${queued}`]);
    carol.sendTo('bob', 2);
    await run(3000);
    carol.sendTo('bob', 3);
    expect(carol.take()).toEqual([`receipt 1 ${queued}`, `receipt 2 ${queued}`]);
    // What it was given before is not given again.
    expect(bob.take()).toEqual([
      'deliver 1 carol 1',
      'deliver 2 carol 2',
      `deliver 3 dora 1${STORED}`,
      'deliver 4 carol 3',
    ]);
    bob.say({ type: 'ack', seq: 4 });
    await run(10);
    expect([mailbox(), carol.take()]).toEqual([0, [`receipt 3 ${delivered}`]]);
  });

  test('a full window holds nothing back that others have stored before it was', async () => {
    const { bob, carol, dora, run, lose, mailbox } = await setUp({ deliveryWindow: 2 });
    for (const id of [1, 2]) carol.sendTo('bob', id);
    lose();
    for (const id of [1, 2, 3]) dora.sendTo('bob', id);
    await run(3000);
    for (const id of [4, 5]) dora.sendTo('bob', id);
    for (let seq = 2; seq <= 7; seq += 1) {
      bob.say({ type: 'ack', seq });
      await run(100);
    }
    const shown = bob.take().map((line) => line.split(' ').slice(2, 4).join(' '));
    expect(shown).toEqual(['carol 1', 'carol 2', ...[1, 2, 3, 4, 5].map((id) => `dora ${id}`)]);
    expect([mailbox(), dora.take().length]).toEqual([0, 5]);
  });

  test('what comes while the store is away waits, and goes behind what was unacknowledged', async () => {
    const { a, bob, carol, alice, run, lose, store } = await setUp();
    alice.sendTo('bob', 1);
    await run(10);
    store.isAway = true;
    lose();
    await run(3000);
    carol.sendTo('bob', 1);
    alice.sendTo('bob', 2);
    await run(6000);
    expect([bob.take(), bob.closedWith, a.counters.spills.lost]).toEqual([['deliver 1 alice 1'], 0, 1]);
    expect([carol.take(), alice.take()]).toEqual([[], []]);
    store.isAway = false;
    await run(1000);
    bob.say({ type: 'ack', seq: 3 });
    await run(100);
    const shown = bob.take().map((line) => line.replace(/^deliver \d+ /, ''));
    expect(shown).toEqual([`carol 1${STORED}`, `alice 2${STORED}`]);
    expect([carol.take(), alice.take()]).toEqual([
      [`receipt 1 ${queued}`],
      [`receipt 1 ${queued}`, `receipt 2 ${queued}`],
    ]);
  });

  test('its client may acknowledge meanwhile, and go: what it has not acknowledged is in its mailbox', async () => {
    const { a, bob, carol, run, lose, store, mailbox, location } = await setUp();
    for (const id of [1, 2, 3]) carol.sendTo('bob', id);
    store.isAway = true;
    lose();
    await run(3000);
    bob.say({ type: 'ack', seq: 1 });
    bob.hangUp();
    carol.sendTo('bob', 4);
    await run(10_000);
    expect(carol.take()).toEqual([`receipt 1 ${delivered}`, ...[2, 3, 4].map((id) => `receipt ${id} ${queued}`)]);
    expect([mailbox(), a.gauges(0).registrations, location()?.owner ?? null]).toEqual([3, 1, null]);
    store.isAway = false;
    await run(1000);
    const again = come(a);
    await run(100);
    expect(again.take()).toEqual([
      'welcome',
      ...[2, 3, 4].map((id, at) => `deliver ${at + 1} carol ${id}${id === 4 ? STORED : AGAIN}`),
    ]);
  });

  test.each(['a', 'b'] as const)('gives way to a newer one on node %s, with all that it has', async (node) => {
    const { run, lose, store, bob, carol, cluster, ...relays } = await setUp();
    carol.sendTo('bob', 1);
    // Only bob's first connection is not answered.
    store.isAway = true;
    lose();
    await run(1500);
    store.isAway = false;
    const second = come(relays[node]);
    await run(3000);
    carol.sendTo('bob', 2);
    await run(100);
    expect([bob.closedWith === 0, second.closedWith]).toEqual([false, 0]);
    const shown = second.take();
    expect([shown[0], ...shown.slice(1).map((line) => line.split(' ').slice(2, 4).join(' '))]).toEqual([
      'welcome',
      'carol 1',
      'carol 2',
    ]);
    expect(cluster.shared.peers.get(BOB)?.location?.prev).toEqual([]);
  });
});

test('one that is made again behind an earlier one, of which the store knows again, waits for that', async () => {
  const { a, b, killB, carol, run, cluster, location, lose } = await setUp({ nodeLeaseMs: 5000 });
  const peer = cluster.shared.peers.get(BOB);
  const first = come(b);
  await run(10);
  const before = structuredClone(location());
  const second = come(a);
  await run(6000);
  expect([first.closedWith === 0, second.take(), location()?.prev]).toEqual([false, ['welcome'], []]);
  lose();
  if (peer === undefined || before === undefined || before === null) throw new Error('bob is not there');
  before.prev = [];
  cluster.shared.peers.set(BOB, { ...peer, location: before });
  killB();
  await run(3000);
  expect([location()?.owner?.node, location()?.prev.map(({ node }) => node)]).toEqual([A, [B]]);
  carol.sendTo('bob', 1);
  await run(100);
  expect(second.take()).toEqual([]);
  await run(5000);
  expect([location()?.owner?.node, location()?.prev, second.closedWith]).toEqual([A, [], 0]);
  expect([second.take(), a.counters.reclaimed]).toEqual([['deliver 1 carol 1'], 1]);
});

test('a write that finds its registration lost has it made again, and loses nothing', async () => {
  const { a, bob, carol, run, cluster } = await setUp({ deliveryWindow: 2 });
  for (const id of [1, 2]) carol.sendTo('bob', id);
  cluster.shared.peers.delete(BOB);
  for (const id of [3, 4]) carol.sendTo('bob', id);
  await run(100);
  expect([a.counters.reclaimed, carol.take()]).toEqual([1, [1, 2, 3, 4].map((id) => `receipt ${id} ${queued}`)]);
  bob.say({ type: 'ack', seq: 2 });
  await run(10);
  expect([bob.closedWith, ...bob.take()]).toEqual([
    0,
    'deliver 1 carol 1',
    'deliver 2 carol 2',
    `deliver 3 carol 3${STORED}`,
    `deliver 4 carol 4${STORED}`,
  ]);
});

test('when the store forgets everything, what two registrations of one node still had is not lost', async () => {
  const cluster = new TestCluster();
  const appends = new Script<[], void>();
  const { relay: a } = await cluster.start(A, {}, ({ mailbox }) => ({
    mailbox: withMethods(mailbox, {
      async append(...args: Parameters<Mailbox['append']>) {
        await appends.call();
        return mailbox.append(...args);
      },
    }),
  }));
  const alice = await cluster.connect(a, 'alice');
  await cluster.connect(a, 'bob');
  alice.sendTo('bob', 1);
  const second = come(a);
  await cluster.run(20);
  alice.sendTo('bob', 2);
  second.hangUp();
  cluster.shared.peers.delete(BOB);
  await cluster.run(20);
  while (appends.open > 0) {
    await appends.answer(undefined, cluster.world);
    await cluster.run(20);
  }
  await cluster.run(3000);
  expect(alice.take().sort()).toEqual([`receipt 1 ${queued}`, `receipt 2 ${queued}`]);
});
