import { CloseCode, DeliverFlag, ReceiptStatus, SendFlag } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import {
  A,
  B,
  C,
  Client,
  key,
  message,
  Script,
  TestCluster,
  UNAVAILABLE,
  withMethods,
} from '../../../../test/simulation/core-kit.ts';
import { createEmbeddedStore } from '../embedded/store.ts';
import { encodeEnvelope, encodeReturned } from './node-frames.ts';
import type { LinkAppend, LinkAppendReply, RegisterReply, RegisterRequest, Store } from './ports.ts';
import type { Settings } from './settings.ts';

const { delivered, queued, overloaded, unavailable } = ReceiptStatus;

/** Alice on A, bob on B, and A's appends to B answered by the test once `links` says so. */
async function setUp(changes: Partial<Settings> = {}) {
  const cluster = new TestCluster();
  const links = { isScripted: false, appends: new Script<[LinkAppend], LinkAppendReply>() };
  const a = await cluster.start(A, changes, (store) => ({
    links: withMethods(store.links, {
      append: (one) => (links.isScripted && one.to === B ? links.appends.call(one) : store.links.append(one)),
    }),
  }));
  const b = await cluster.start(B, changes);
  const alice = await cluster.connect(a.relay, 'alice');
  const bob = await cluster.connect(b.relay, 'bob');
  alice.sendTo('bob', 1);
  await cluster.run(10);
  bob.say({ type: 'ack', seq: 1 });
  await cluster.run(10);
  expect([bob.take(), alice.take()]).toEqual([['deliver 1 alice 1'], [`receipt 1 ${delivered}`]]);
  return { cluster, a: a.relay, b: b.relay, alice, bob, links, run: (ms: number) => cluster.run(ms) };
}

describe('between two nodes', () => {
  test('messages and receipts travel, and are counted where they pass', async () => {
    const { a, b } = await setUp();
    expect(a.counters.messages).toEqual({ local: 0, remote: 1, mailbox: 0 });
    expect(b.counters.messages).toEqual({ local: 0, remote: 0, mailbox: 0 });
    expect([a.counters.connectionsOpened, a.counters.batchFrames.count, b.counters.inboxEntries]).toEqual([1, 1, 1]);
    expect(b.counters.receipts[delivered]).toBe(1);
    expect(a.gauges(7)).toMatchObject({ connections: 7, registrations: 1, cachedRoutes: 1, sendsPending: 0 });
  });

  test('a full link refuses', async () => {
    const { a, alice, run, links } = await setUp({ linkBytes: 300 });
    links.isScripted = true;
    alice.sendTo('bob', 2, 0, 500);
    alice.sendTo('bob', 3);
    await run(10);
    expect([alice.take()[0], a.counters.drops.link_full]).toEqual([`receipt 3 ${overloaded}`, 1]);
  });

  test('a full inbox refuses, and with it what the same sender has sent behind', async () => {
    const { a, alice, run, links, cluster } = await setUp();
    links.isScripted = true;
    alice.sendTo('bob', 2);
    await run(10);
    alice.sendTo('bob', 3);
    await links.appends.answer({ kind: 'full' }, cluster.world);
    expect(alice.take()).toEqual([`receipt 2 ${overloaded}`, 'throttle', `receipt 3 ${overloaded}`]);
    expect([a.counters.drops.inbox_full, a.counters.linkFull]).toEqual([2, 1]);
  });

  test('a node that cannot be reached for two seconds: new messages are refused, the earlier ones are not', async () => {
    const { a, alice, bob, run, links, cluster } = await setUp();
    links.isScripted = true;
    alice.sendTo('bob', 2);
    for (let i = 0; i < 12; i += 1) {
      await run(250);
      await links.appends.answer(UNAVAILABLE, cluster.world);
    }
    alice.sendTo('bob', 3);
    expect([alice.take(), a.counters.drops.node_unavailable]).toEqual([[`receipt 3 ${unavailable}`], 1]);
    links.isScripted = false;
    await run(300);
    expect(bob.take()).toEqual(['deliver 2 alice 2']);
  });

  test('a message that comes back on a way that is no longer its own has come back before', async () => {
    const { cluster, a, alice, bob, run } = await setUp();
    alice.sendTo('bob', 2);
    await run(10);
    const back = { bytes: encodeReturned(message({ id: 2, to: key('bob'), session: 1, path: 999 }), null) };
    const append = { from: C, to: A, first: 1, last: 1, acked: 0, exempt: true, inboxBytes: 1e6 };
    await createEmbeddedStore(cluster.shared).links.append({ ...append, envelope: encodeEnvelope(C, 1, 0, [back]) });
    await run(100);
    expect([a.counters.drops.stale_return, bob.take()]).toEqual([1, ['deliver 2 alice 2']]);
    bob.say({ type: 'ack', seq: 2 });
    await run(10);
    expect(alice.take()).toEqual([`receipt 2 ${delivered}`]);
  });

  test('a node that is not on the list, but that the directory names: it is dead, and its registrations are ended', async () => {
    const cluster = new TestCluster();
    const { relay: a, store } = await cluster.start(A, { nodeLeaseMs: 1000 });
    const times = { ttlMs: 3_600_000, mailboxTtlMs: 3_600_000 };
    const reservation = { resumeHash: '', attempt: null, sticky: false, limits: {}, reclaims: 0 };
    await store.directory.register({ key: key('bob'), node: B, connection: 'b/1', ...times, ...reservation });
    const alice = await cluster.connect(a, 'alice');
    alice.sendTo('bob', 1);
    await cluster.run(500);
    expect(alice.take()).toEqual([]);
    await cluster.run(1500);
    expect(alice.take()).toEqual([`receipt 1 ${queued}`]);
    expect(cluster.shared.peers.get(key('bob'))?.location?.owner).toBeNull();
  });

  test('what a node that leaves had not taken goes to the mailbox, in order', async () => {
    const { b, alice, bob, run } = await setUp();
    const stopped = b.stop(5000);
    for (const id of [2, 3, 4]) alice.sendTo('bob', id);
    bob.hangUp();
    await run(500);
    await stopped;
    alice.sendTo('bob', 5);
    await run(500);
    expect(alice.take()).toEqual([2, 3, 4, 5].map((id) => `receipt ${id} ${queued}`));
  });
});

test('what comes for a registration whose answer is late waits for it, with what comes behind', async () => {
  const cluster = new TestCluster();
  const late = new Script<[], void>();
  const registering = (store: Store): Partial<Store> => ({
    directory: withMethods(store.directory, {
      async register(request: RegisterRequest): Promise<RegisterReply> {
        const reply = await store.directory.register(request);
        if (request.key === key('bob')) await late.call();
        return reply;
      },
    }),
  });
  const { relay: a } = await cluster.start(A, {}, registering);
  const { relay: b } = await cluster.start(B);
  const { relay: c } = await cluster.start(C);
  const [alice, carol] = [await cluster.connect(a, 'alice'), await cluster.connect(c, 'carol')];
  const first = await cluster.connect(b, 'bob');
  for (const one of [alice, carol]) one.sendTo('bob', 1, SendFlag.noReceipt);
  await cluster.run(10);
  const second = new Client(a);
  second.hello('bob');
  await cluster.run(10);
  first.hangUp();
  await cluster.run(10);
  for (const one of [alice, carol]) one.sendTo('bob', 2);
  await cluster.run(10);
  for (const one of [alice, carol]) one.sendTo('bob', 3);
  await late.answer(undefined, cluster.world);
  for (const one of [alice, carol]) one.sendTo('bob', 4);
  await cluster.run(100);
  const again = ` flags ${DeliverFlag.stored | DeliverFlag.again}`;
  const told = second.take();
  for (const name of ['alice', 'carol']) {
    const shown = told.filter((line) => line.includes(name)).map((line) => line.replace(/^deliver \d+ /, ''));
    expect(shown).toEqual([`${name} 1${again}`, `${name} 2`, `${name} 3`, `${name} 4`]);
  }
});

test('messages whose sender has given up on them hold nobody up', async () => {
  const cluster = new TestCluster();
  const { relay: a } = await cluster.start(A);
  const { relay: b } = await cluster.start(B, { ackTimeoutMs: 100_000 });
  const alice = await cluster.connect(a, 'alice');
  await cluster.connect(b, 'bob');
  alice.sendTo('bob', 1);
  await cluster.run(17_000);
  expect([alice.take(), alice.closedWith]).toEqual([['error internal'], CloseCode.unavailable]);
  alice.hangUp();
  await cluster.run(2000);
  const carol = await cluster.connect(a, 'carol');
  const bob = await cluster.connect(a, 'bob');
  carol.sendTo('bob', 2);
  await cluster.run(100);
  expect(bob.take().at(-1)).toBe('deliver 2 carol 2');
});

test('a refusal far away holds for what has waited behind it here', async () => {
  const cluster = new TestCluster();
  let isAway = false;
  const { relay: a } = await cluster.start(A);
  const { relay: b } = await cluster.start(B, { deliveryWindow: 1 }, ({ mailbox }) => ({
    mailbox: withMethods(mailbox, {
      append: async (...args: Parameters<typeof mailbox.append>) => (isAway ? UNAVAILABLE : mailbox.append(...args)),
    }),
  }));
  const { relay: c } = await cluster.start(C);
  const alice = await cluster.connect(a, 'alice');
  const first = await cluster.connect(b, 'bob');
  alice.sendTo('bob', 1);
  await cluster.run(10);
  isAway = true;
  alice.sendTo('bob', 2);
  await cluster.run(10);
  const second = new Client(c);
  second.hello('bob');
  await cluster.run(1500);
  alice.sendTo('bob', 3);
  await cluster.run(2000);
  isAway = false;
  await cluster.run(2000);
  expect(alice.take().filter((line) => line !== 'throttle')).toEqual(
    [1, 2, 3].map((id) => `receipt ${id} ${unavailable}`),
  );
  alice.sendTo('bob', 1, SendFlag.afterRefusal);
  for (const id of [2, 3]) alice.sendTo('bob', id);
  await cluster.run(100);
  const shown = [...first.told, ...second.told].flatMap((line) => line.match(/alice (\d)/)?.[1] ?? []);
  expect([...new Set(shown)]).toEqual(['1', '2', '3']);
});

describe('presence', () => {
  test('is told across nodes: at once, on leaving after a while, on coming', async () => {
    const { cluster, a, b, alice, bob, run } = await setUp();
    alice.say({ type: 'watch', peers: ['bob' as never] });
    await run(10);
    expect(alice.frames.at(-1)).toMatchObject({ type: 'presence', peer: 'bob', online: true });
    bob.hangUp();
    await run(1900);
    expect(alice.take()).toEqual(['presence']);
    await run(200);
    expect(alice.frames.at(-1)).toMatchObject({ type: 'presence', peer: 'bob', online: false });
    await cluster.connect(b, 'bob');
    expect(alice.frames.at(-1)).toMatchObject({ type: 'presence', peer: 'bob', online: true });
    expect([alice.take().length, a.gauges(0).watchedPeers, b.counters.presenceChanges]).toEqual([2, 1, 3]);
  });
});

describe('a node', () => {
  test('hears its own echo, and knows when it does not', async () => {
    const { a, run } = await setUp();
    const heard = a.echo(1000);
    await run(50);
    expect(await heard).toBe(true);
    const cluster = new TestCluster();
    const { relay } = await cluster.start(A, {}, (store) => ({
      links: withMethods(store.links, { append: async () => UNAVAILABLE }),
    }));
    const missed = relay.echo(1000);
    await cluster.run(1000);
    expect(await missed).toBe(false);
  });

  test('that has stopped holds nothing and waits for nothing', async () => {
    const { a, b, alice, bob, run, cluster } = await setUp();
    for (const id of [2, 3]) alice.sendTo('bob', id);
    await run(5);
    const stopped = Promise.all([a.stop(10_000), b.stop(10_000)]);
    for (const one of [alice, bob]) one.hangUp();
    await run(20_000);
    await stopped;
    for (const relay of [a, b]) {
      expect(relay.gauges(0)).toMatchObject({ registrations: 0, inboxUnsettled: 0, sendsPending: 0, watchedPeers: 0 });
    }
    expect([cluster.world.pending, cluster.shared.nodes.size]).toEqual([0, 0]);
    expect(cluster.shared.peers.get(key('bob'))?.mailbox.entries.size).toBe(2);
  });
});
