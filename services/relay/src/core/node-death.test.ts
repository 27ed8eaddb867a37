import { CloseCode, DeliverFlag, type NodeId, ReceiptStatus } from '@causeway/protocol';
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
import type { LinkAppend, LinkAppendReply, Membership } from './ports.ts';

const { delivered, queued } = ReceiptStatus;
const STORED = ` flags ${DeliverFlag.stored}`;
const AGAIN = ` flags ${DeliverFlag.stored | DeliverFlag.again}`;
const BOB = key('bob');
const LEASE_MS = 1000;

/** Alice on A and bob on B, who has had one message of hers; C is there as well. */
async function setUp() {
  const cluster = new TestCluster();
  const isOut = new Set<NodeId>();
  const links = { isScripted: false, appends: new Script<[LinkAppend], LinkAppendReply>(), count: 0 };
  const log = keptLog();
  const start = (node: NodeId) =>
    cluster.start(
      node,
      { nodeLeaseMs: LEASE_MS, ackTimeoutMs: 100_000 },
      (store) => ({
        links: withMethods(store.links, {
          append: (one) => {
            if (node === A && one.to === B) links.count += 1;
            return links.isScripted && node === A && one.to === B ? links.appends.call(one) : store.links.append(one);
          },
        }),
        membership: withMethods(store.membership, {
          renew: async (...args: Parameters<Membership['renew']>) =>
            isOut.has(node) ? UNAVAILABLE : store.membership.renew(...args),
        }),
      }),
      log,
    );
  const [a, b, c] = [await start(A), await start(B), await start(C)];
  const alice = await cluster.connect(a.relay, 'alice');
  const bob = await cluster.connect(b.relay, 'bob');
  alice.sendTo('bob', 1);
  await cluster.run(10);
  bob.say({ type: 'ack', seq: 1 });
  // Until each node has had its lease for long enough to declare others dead, and what is settled has been trimmed.
  await cluster.run(2 * LEASE_MS);
  expect([bob.take(), alice.take()]).toEqual([['deliver 1 alice 1'], [`receipt 1 ${delivered}`]]);
  return {
    ...{ cluster, a, b, c, alice, bob, links, isOut, log },
    run: (ms: number) => cluster.run(ms),
    record: (node: NodeId) => cluster.shared.nodes.get(node)?.state,
    owner: () => cluster.shared.peers.get(BOB)?.location?.owner?.node ?? null,
    reaped: () => a.relay.counters.reaped + c.relay.counters.reaped,
  };
}

const receipts = (status: number, ...ids: number[]) => ids.map((id) => `receipt ${id} ${status}`);

describe('the node of a recipient dies', () => {
  test('what it had not settled or not read waits in the mailbox, in order, as seen before; then what comes', async () => {
    const { a, b, c, alice, bob, run, record, owner, reaped } = await setUp();
    alice.sendTo('bob', 2);
    await run(10);
    b.kill();
    expect(bob.take()).toEqual(['deliver 2 alice 2']);
    for (const id of [3, 4]) alice.sendTo('bob', id);
    await run(LEASE_MS - 100);
    expect([alice.take(), record(B)]).toEqual([[], 'live']);
    await run(LEASE_MS);
    expect([record(B), reaped(), owner()]).toEqual(['reaped', 1, null]);
    expect(alice.take()).toEqual(receipts(queued, 2, 3, 4));
    alice.sendTo('bob', 5);
    await run(10);
    const again = come(c.relay);
    await run(100);
    expect(again.take()).toEqual([
      'welcome',
      ...[2, 3, 4].map((id, at) => `deliver ${at + 1} alice ${id}${AGAIN}`),
      `deliver 4 alice 5${STORED}`,
    ]);
    expect([a, c].map(({ relay }) => relay.counters.drops.stale_return)).toEqual([0, 0]);
    expect(a.relay.counters.reapedMessages + c.relay.counters.reapedMessages).toBe(3);
  });

  test('a peer that has come back meanwhile gets it all at once, in order', async () => {
    const { b, c, alice, run, owner } = await setUp();
    alice.sendTo('bob', 2);
    await run(10);
    b.kill();
    alice.sendTo('bob', 3);
    await run(10);
    const again = come(c.relay);
    await run(100);
    // Its earlier registration has not handed over yet.
    alice.sendTo('bob', 4);
    expect([again.take(), alice.take()]).toEqual([['welcome'], []]);
    await run(2 * LEASE_MS);
    expect(owner()).toBe(C);
    // They were given back to alice's node, which sends them on: nothing of them is in a mailbox.
    const shown = again.take();
    expect(shown.map((line) => line.split(' ')[3])).toEqual(['2', '3', '4']);
    again.say({ type: 'ack', seq: 3 });
    await run(10);
    expect(alice.take()).toEqual(receipts(delivered, 2, 3, 4));
  });

  test('what had its outcome is not sent again', async () => {
    const { a, b, c, alice, bob, run, reaped } = await setUp();
    alice.sendTo('bob', 2);
    await run(5);
    bob.say({ type: 'ack', seq: 2 });
    await run(5);
    b.kill();
    expect(alice.take()).toEqual(receipts(delivered, 2));
    expect(b.relay.gauges(0).inboxUnsettled).toBeGreaterThan(0);
    await run(2 * LEASE_MS);
    expect([reaped(), a.relay.counters.drops.stale_return]).toEqual([1, 1]);
    const again = come(c.relay);
    await run(100);
    expect([again.take(), alice.take()]).toEqual([['welcome'], []]);
  });

  test('a route on which nothing is under way is forgotten', async () => {
    const { a, b, alice, run, links } = await setUp();
    b.kill();
    await run(2 * LEASE_MS);
    const before = [links.count, a.relay.counters.lookups];
    alice.sendTo('bob', 2);
    await run(100);
    expect(alice.take()).toEqual(receipts(queued, 2));
    expect([links.count, a.relay.counters.lookups > (before[1] as number)]).toEqual([before[0], true]);
  });
});

describe('a link that hears of it first', () => {
  test('closing: what had not been appended takes another way, behind what is under way', async () => {
    const { cluster, b, alice, bob, run, links } = await setUp();
    const ben = await cluster.connect(b.relay, 'ben');
    alice.sendTo('ben', 1);
    await run(10);
    ben.say({ type: 'ack', seq: 1 });
    await run(10);
    alice.take();
    alice.sendTo('bob', 2);
    await run(10);
    links.isScripted = true;
    alice.sendTo('bob', 3);
    await run(10);
    alice.sendTo('bob', 4);
    await links.appends.answer({ kind: 'closing' }, cluster.world);
    await links.appends.answer({ kind: 'ok' }, cluster.world);
    alice.sendTo('bob', 5);
    // Nothing is under way to ben, and the link says at once that it takes nothing any more.
    alice.sendTo('ben', 6);
    await run(100);
    expect([bob.take(), alice.take()]).toEqual([['deliver 2 alice 2'], []]);
    links.isScripted = false;
    void b.relay.stop(5000);
    await run(3000);
    expect(alice.take().sort()).toEqual(receipts(queued, 2, 3, 4, 5, 6));
    expect(ben.take()).toEqual(['deliver 1 alice 1', 'goaway']);
    expect(cluster.shared.peers.get(BOB)?.mailbox.entries.size).toBe(4);
  });

  test('reaped: what the store had confirmed and forgotten takes another way, in order', async () => {
    const { cluster, b, c, alice, run, links } = await setUp();
    b.kill();
    links.isScripted = true;
    for (const id of [2, 3]) {
      alice.sendTo('bob', id);
      await run(10);
      await links.appends.answer({ kind: 'ok' }, cluster.world);
    }
    alice.sendTo('bob', 4);
    await run(2 * LEASE_MS);
    while (links.appends.open > 0) await links.appends.answer({ kind: 'reaped', last: 1 }, cluster.world);
    await run(100);
    expect(alice.take()).toEqual(receipts(queued, 2, 3, 4));
    const again = come(c.relay);
    await run(100);
    expect(again.take().map((line) => line.split(' ')[3])).toEqual([undefined, '2', '3', '4']);
  });

  test.each<[string, LinkAppendReply]>([
    ['reaped', { kind: 'reaped', last: 0 }],
    ['gone for good, and its inbox with it', { kind: 'missing' }],
  ])('%s: senders whose messages had been read there have to send them again', async (_what, reply) => {
    const { cluster, a, b, alice, run, links } = await setUp();
    const carol = await cluster.connect(a.relay, 'carol');
    carol.sendTo('alice', 1);
    alice.sendTo('bob', 2);
    // Until the probe has told that it was read.
    await run(2500);
    expect([alice.take(), a.relay.gauges(0).linkFrames]).toEqual([['deliver 1 carol 1'], 0]);
    b.kill();
    cluster.shared.logs.delete(B);
    await run(2 * LEASE_MS);
    links.isScripted = true;
    const dora = await cluster.connect(a.relay, 'dora');
    dora.sendTo('bob', 1);
    await run(10);
    await links.appends.answer(reply, cluster.world);
    expect([alice.closedWith, carol.closedWith, dora.closedWith]).toEqual([CloseCode.unavailable, 0, 0]);
    expect(alice.take()).toEqual(['error internal']);
    await run(100);
    expect(dora.take()).toEqual(receipts(queued, 1));
  });
});

describe('a node that the others have declared dead', () => {
  /** A could not renew its lease for so long. */
  async function cutOff(ms: number) {
    const all = await setUp();
    all.isOut.add(A);
    await all.run(ms);
    return all;
  }

  test('closes its connections as soon as it is told, and does nothing more', async () => {
    const { a, alice, bob, run, record, isOut, log } = await cutOff(2 * LEASE_MS);
    expect([record(A), a.fences, alice.closedWith]).toEqual(['reaped', 0, 0]);
    isOut.delete(A);
    await run(LEASE_MS);
    expect([a.fences, alice.closedWith, alice.take()]).toEqual([1, CloseCode.unavailable, ['error internal']]);
    expect(log.lines.at(-1)).toContain('declared dead');
    const late = come(a.relay);
    await run(10 * LEASE_MS);
    expect([late.closedWith, bob.closedWith, a.fences]).toEqual([CloseCode.unavailable, 0, 1]);
    await a.relay.stop(1000);
    expect(record(A)).toBe('reaped');
  });

  test('also when it learns it from its inbox', async () => {
    const { cluster, a, alice, run } = await setUp();
    (cluster.shared.logs.get(A) as { state: string }).state = 'reaping';
    await run(LEASE_MS);
    expect([a.fences, alice.closedWith]).toEqual([1, CloseCode.unavailable]);
  });

  test('is one that nobody waits for: its peers are found elsewhere, its watchers hear that they left', async () => {
    const { cluster, c, bob, run, record } = await cutOff(0);
    bob.say({ type: 'watch', peers: ['alice' as never] });
    await run(10);
    expect(bob.frames.at(-1)).toMatchObject({ type: 'presence', peer: 'alice', online: true });
    await run(5000);
    expect([record(A), bob.frames.at(-1)]).toMatchObject([
      'reaped',
      { type: 'presence', peer: 'alice', online: false },
    ]);
    const alice = await cluster.connect(c.relay, 'alice');
    bob.sendTo('alice', 1);
    await run(100);
    expect(alice.take()).toEqual(['deliver 1 bob 1']);
  });
});

test('after an outage for all nobody is fenced, and who talks on one node never notices', async () => {
  const { cluster, a, b, c, alice, bob, run, isOut, record } = await setUp();
  const carol = await cluster.connect(b.relay, 'carol');
  for (const node of [A, B, C]) isOut.add(node);
  await run(10 * LEASE_MS);
  carol.sendTo('bob', 1);
  bob.say({ type: 'ack', seq: 2 });
  expect([bob.take(), carol.take()]).toEqual([['deliver 2 carol 1'], receipts(delivered, 1)]);
  // It may be dead to the others: whoever comes now could be elsewhere already.
  const late = come(b.relay, 'dora');
  await run(10);
  expect([late.take(), late.closedWith]).toEqual([['error unavailable'], CloseCode.unavailable]);
  for (const node of [C, B, A]) {
    isOut.delete(node);
    await run(100);
  }
  await run(3 * LEASE_MS);
  expect([A, B, C].map(record)).toEqual(['live', 'live', 'live']);
  expect([a.fences, b.fences, c.fences, alice.closedWith, bob.closedWith]).toEqual([0, 0, 0, 0, 0]);
});
