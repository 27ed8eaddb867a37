import { DeliverFlag, type NodeId, ReceiptStatus } from '@causeway/protocol';
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
import type { Mailbox, Writer } from './ports.ts';

const { queued } = ReceiptStatus;
const AGAIN = ` flags ${DeliverFlag.stored | DeliverFlag.again}`;
const BOB = key('bob');
const LEASE_MS = 1000;

/** Alice on A. What each node writes to mailboxes is kept, and can be held up or left without an answer. */
async function setUp() {
  const cluster = new TestCluster();
  const writes: { by: NodeId; writer: Writer }[] = [];
  const held = new Map<NodeId, Script<[], void>>();
  const deaf = new Set<NodeId>();
  const start = (node: NodeId) =>
    cluster.start(
      node,
      { nodeLeaseMs: LEASE_MS },
      ({ mailbox }) => ({
        mailbox: withMethods(mailbox, {
          async append(...args: Parameters<Mailbox['append']>) {
            writes.push({ by: node, writer: args[2] });
            await held.get(node)?.call();
            const reply = await mailbox.append(...args);
            return deaf.has(node) ? UNAVAILABLE : reply;
          },
        }),
      }),
      keptLog(),
    );
  const [a, b, c] = [await start(A), await start(B), await start(C)];
  const alice = await cluster.connect(a.relay, 'alice');
  // Until each node has had its lease for long enough to declare others dead.
  await cluster.run(2 * LEASE_MS);
  return {
    ...{ cluster, a, b, c, alice, writes, held, deaf },
    run: (ms: number) => cluster.run(ms),
    prev: () => cluster.shared.peers.get(BOB)?.location?.prev.map(({ node }) => node),
  };
}

describe('a registration that waits for those of dead nodes', () => {
  test('has its turn when all are ended, in their order', async () => {
    const { cluster, a, b, c, alice, run, prev } = await setUp();
    await cluster.connect(b.relay, 'bob');
    alice.sendTo('bob', 1);
    await run(10);
    b.kill();
    come(c.relay);
    await run(10);
    c.kill();
    const bob = come(a.relay);
    await run(10);
    expect([prev(), bob.take()]).toEqual([[B, C], ['welcome']]);
    alice.sendTo('bob', 2);
    await run(LEASE_MS / 2);
    expect(bob.take()).toEqual([]);
    await run(2 * LEASE_MS);
    expect(prev()).toEqual([]);
    expect(bob.take().map((line) => line.split(' ')[3])).toEqual(['1', '2']);
  });

  test('has its turn also when whoever ended the last of them told nobody', async () => {
    const { cluster, a, b, alice, run } = await setUp();
    await cluster.connect(b.relay, 'bob');
    b.kill();
    const bob = come(a.relay);
    await run(10);
    const location = cluster.shared.peers.get(BOB)?.location;
    if (!location) throw new Error('bob is not there');
    location.prev = [];
    await run(2 * LEASE_MS);
    alice.sendTo('bob', 1);
    expect(bob.take()).toEqual(['welcome', 'deliver 1 alice 1']);
  });

  test('waits for one before them that lives, too', async () => {
    const { cluster, a, b, c, alice, held, run, prev } = await setUp();
    const slow = new Script<[], void>();
    held.set(B, slow);
    const first = await cluster.connect(b.relay, 'bob');
    alice.sendTo('bob', 1);
    await run(10);
    first.take();
    come(c.relay);
    await run(10);
    c.kill();
    const bob = come(a.relay);
    await run(3 * LEASE_MS);
    expect([prev(), bob.take()]).toEqual([[B, C], ['welcome']]);
    held.delete(B);
    while (slow.open > 0) await slow.answer(undefined, cluster.world);
    await run(LEASE_MS);
    expect([prev(), bob.take()]).toEqual([[], [`deliver 1 alice 1${AGAIN}`]]);
    expect(alice.take()).toEqual([`receipt 1 ${queued}`]);
  });

  test('that has itself been replaced meanwhile hands over to the newest', async () => {
    const { cluster, a, b, c, alice, run, prev } = await setUp();
    await cluster.connect(b.relay, 'bob');
    b.kill();
    const [second, third] = [come(a.relay), come(c.relay)];
    await run(3 * LEASE_MS);
    alice.sendTo('bob', 1);
    await run(50);
    expect([prev(), second.closedWith === 0]).toEqual([[], false]);
    expect(third.take()).toEqual(['welcome', 'deliver 1 alice 1']);
  });
});

test('those of dead nodes that nobody waits for are ended when somebody looks, in their order', async () => {
  const { cluster, b, c, alice, run } = await setUp();
  await cluster.connect(b.relay, 'bob');
  b.kill();
  come(c.relay);
  await run(10);
  c.kill();
  await run(3 * LEASE_MS);
  expect(cluster.shared.peers.get(BOB)?.location).toMatchObject({ owner: { node: C }, prev: [{ node: B }] });
  alice.sendTo('bob', 1);
  await run(LEASE_MS);
  expect(alice.take()).toEqual([`receipt 1 ${queued}`]);
  expect(cluster.shared.peers.get(BOB)?.location).toMatchObject({ owner: null, prev: [] });
});

test('a dead node’s registration is ended under one sequence until the answer is known, once at a time', async () => {
  const { cluster, a, b, c, alice, held, deaf, writes, run } = await setUp();
  await cluster.connect(b.relay, 'bob');
  c.kill();
  b.kill();
  await run(3 * LEASE_MS);
  const slow = new Script<[], void>();
  held.set(A, slow);
  deaf.add(A);
  alice.sendTo('bob', 1);
  const before = a.relay.counters.lookups;
  await run(400);
  const heirs = () => writes.filter(({ by, writer }) => by === A && writer.node === `${A}:${B}`);
  // The lookup waits for the end of the registration, for a while.
  expect([heirs().length, a.relay.counters.lookups]).toEqual([1, before]);
  held.delete(A);
  await slow.answer(undefined, cluster.world);
  await run(1000);
  expect(heirs().length).toBeGreaterThan(2);
  expect(new Set(heirs().map(({ writer }) => writer.sequence)).size).toBe(1);
  expect(alice.take()).toEqual([`receipt 1 ${queued}`]);
  deaf.delete(A);
  await run(1000);
  const count = heirs().length;
  await run(3000);
  expect(heirs().length).toBe(count);
});

test('whoever comes behind a registration of a node that is known to be dead need not ask it', async () => {
  const { cluster, a, b, alice, run } = await setUp();
  await cluster.connect(b.relay, 'bob');
  b.kill();
  await run(3 * LEASE_MS);
  const bob = come(a.relay);
  await run(20);
  alice.sendTo('bob', 1);
  expect(bob.take()).toEqual(['welcome', 'deliver 1 alice 1']);
});
