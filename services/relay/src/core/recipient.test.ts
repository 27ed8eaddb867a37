import { DeliverFlag, ReceiptStatus, SendFlag } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import { A, type Client, key, TestCluster } from '../../../../test/simulation/core-kit.ts';
import type { Settings } from './settings.ts';

const { delivered, queued, overloaded, unconfirmed } = ReceiptStatus;
const STORED = ` flags ${DeliverFlag.stored}`;
const AGAIN = ` flags ${DeliverFlag.stored | DeliverFlag.again}`;

async function setUp(changes: Partial<Settings> = {}) {
  const cluster = new TestCluster();
  const { relay } = await cluster.start(A, changes);
  const alice = await cluster.connect(relay, 'alice');
  const bob = await cluster.connect(relay, 'bob');
  const ack = (seq: number, client: Client = bob) => client.say({ type: 'ack', seq });
  return { cluster, relay, alice, bob, ack, counters: relay.counters, run: (ms = 0) => cluster.run(ms) };
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('a client that acknowledges', () => {
  test('gets messages at once, and their senders hear of it', async () => {
    const { alice, bob, ack, counters, relay } = await setUp();
    alice.sendTo('bob', 1, 0, 9);
    alice.sendTo('bob', 2);
    expect(bob.take()).toEqual(['deliver 1 alice 1', 'deliver 2 alice 2']);
    ack(2);
    expect(alice.take()).toEqual([`receipt 1 ${delivered}`, `receipt 2 ${delivered}`]);
    expect([counters.messages.local, counters.bytes.local, relay.gauges(0).sendsPending]).toEqual([2, 10, 0]);
  });

  test('may send to itself', async () => {
    const { bob, ack } = await setUp();
    bob.sendTo('bob', 1);
    ack(1);
    expect(bob.take()).toEqual(['deliver 1 bob 1', `receipt 1 ${delivered}`]);
  });
});

describe('a full window', () => {
  test('goes to the mailbox with all that comes, and is not delivered twice on this connection', async () => {
    const { alice, bob, ack, counters, relay, run, cluster } = await setUp({ deliveryWindow: 2 });
    for (const id of range(1, 4)) alice.sendTo('bob', id);
    expect(bob.take()).toEqual(['deliver 1 alice 1', 'deliver 2 alice 2']);
    expect(relay.gauges(0).catchingUp).toBe(1);
    await run(10);
    expect(alice.take()).toEqual(range(1, 4).map((id) => `receipt ${id} ${queued}`));
    expect([counters.spills.window_full, counters.spilledMessages, counters.messages.mailbox]).toEqual([1, 2, 4]);
    ack(2);
    await run(10);
    expect(bob.take()).toEqual([`deliver 3 alice 3${STORED}`, `deliver 4 alice 4${STORED}`]);
    ack(4);
    await run(10);
    expect([relay.gauges(0).catchingUp, counters.mailboxDelivered]).toEqual([0, 2]);
    expect(cluster.shared.peers.get(key('bob'))?.mailbox.entries.size).toBe(0);
    alice.sendTo('bob', 5);
    expect(bob.take()).toEqual(['deliver 5 alice 5']);
  });

  test('refuses what may not be stored, also while stored messages are delivered', async () => {
    const { alice, counters, run } = await setUp({ deliveryWindow: 1 });
    alice.sendTo('bob', 1);
    alice.sendTo('bob', 2, SendFlag.noStore);
    expect([alice.take()[0], counters.drops.queue_full]).toEqual([`receipt 2 ${overloaded}`, 1]);
    alice.sendTo('bob', 3, SendFlag.afterRefusal);
    await run(10);
    alice.take();
    alice.sendTo('bob', 4, SendFlag.noStore);
    await run(10);
    expect([alice.take()[0], counters.drops.catching_up]).toEqual([`receipt 4 ${overloaded}`, 1]);
  });
});

describe('a client that does not acknowledge in time', () => {
  test('has its window stored, and may still acknowledge it', async () => {
    const { alice, bob, ack, counters, run, cluster } = await setUp({ ackTimeoutMs: 1000 });
    alice.sendTo('bob', 1);
    await run(900);
    expect(alice.take()).toEqual([]);
    await run(300);
    expect([alice.take(), counters.spills.ack_timeout]).toEqual([[`receipt 1 ${queued}`], 1]);
    ack(1);
    await run(10);
    expect(cluster.shared.peers.get(key('bob'))?.mailbox.entries.size).toBe(0);
    alice.sendTo('bob', 2);
    expect(bob.take()).toEqual(['deliver 1 alice 1', 'deliver 2 alice 2']);
  });

  test('an acknowledgment that comes while its window is being stored counts', async () => {
    const { alice, ack, run, cluster } = await setUp({ deliveryWindow: 1 });
    alice.sendTo('bob', 1);
    alice.sendTo('bob', 2);
    ack(1);
    expect(alice.take()).toEqual([`receipt 1 ${delivered}`]);
    await run(10);
    expect(alice.take()).toEqual([`receipt 2 ${queued}`]);
    ack(2);
    await run(10);
    expect(cluster.shared.peers.get(key('bob'))?.mailbox.entries.size).toBe(0);
  });

  test.each([
    ['at once', 256],
    ['also when its window was full before', 2],
  ])('what may not be stored is unconfirmed then, %s', async (_name, deliveryWindow) => {
    const { alice, counters, run } = await setUp({ ackTimeoutMs: 1000, deliveryWindow });
    alice.sendTo('bob', 1, SendFlag.noStore);
    for (const id of [2, 3]) alice.sendTo('bob', id);
    await run(900);
    expect(alice.take()).not.toContain(`receipt 1 ${unconfirmed}`);
    await run(300);
    expect(alice.take()).toContain(`receipt 1 ${unconfirmed}`);
    expect(counters.drops.unconfirmed).toBe(1);
  });
});

describe('a client that goes', () => {
  test('finds what it had not acknowledged in its mailbox, in order, flagged as seen before', async () => {
    const { alice, bob, ack, counters, run, cluster, relay } = await setUp();
    for (const id of range(1, 4)) alice.sendTo('bob', id);
    ack(1);
    bob.hangUp();
    alice.sendTo('bob', 5);
    await run(10);
    expect(alice.take()).toEqual([1, 2, 3, 4, 5].map((id) => `receipt ${id} ${id === 1 ? delivered : queued}`));
    expect([counters.spills.disconnect, counters.spilledMessages]).toEqual([1, 3]);
    expect(relay.gauges(0)).toMatchObject({ registrations: 1, catchingUp: 0 });
    alice.sendTo('bob', 6);
    await run(10);
    const again = await cluster.connect(relay, 'bob');
    expect(again.told).toEqual([]);
    await run(10);
    again.hangUp();
    await run(10);
    const { Client: Fresh } = await import('../../../../test/simulation/core-kit.ts');
    const last = new Fresh(relay);
    last.hello('bob');
    await run(10);
    expect(last.take()).toEqual(['welcome', ...range(2, 6).map((id) => `deliver ${id - 1} alice ${id}${AGAIN}`)]);
  });

  test('leaves what may not be stored unconfirmed, or offline if it had not been delivered', async () => {
    const { alice, bob, run } = await setUp();
    alice.sendTo('bob', 1, SendFlag.noStore);
    bob.hangUp();
    alice.sendTo('bob', 2, SendFlag.noStore);
    await run(10);
    expect(alice.take()).toEqual([`receipt 1 ${unconfirmed}`, `receipt 2 ${ReceiptStatus.offline}`]);
  });

  test('in the middle of what it is given', async () => {
    const { alice, bob, run, relay, cluster } = await setUp({ deliveryWindow: 8, ackTimeoutMs: 500 });
    for (const id of range(1, 8)) alice.sendTo('bob', id);
    alice.sendTo('bob', 9);
    await run(10);
    bob.onTold = (line) => {
      if (line.startsWith('deliver 10')) bob.hangUp();
    };
    bob.say({ type: 'ack', seq: 8 });
    for (const id of range(10, 14)) alice.sendTo('bob', id);
    await run(10);
    bob.say({ type: 'ack', seq: 9 });
    for (const id of range(15, 17)) alice.sendTo('bob', id);
    await run(1000);
    if (bob.closedWith === 0) bob.hangUp();
    await run(1000);
    expect(alice.take().length).toBe(17);
    expect(relay.gauges(0)).toMatchObject({ registrations: 1, sendsPending: 0 });
    expect(cluster.shared.peers.get(key('bob'))?.location?.owner).toBeNull();
  });
});

test('at most 1024 messages wait for a mailbox', async () => {
  const { alice, counters, run } = await setUp({ deliveryWindow: 1, sendWindow: 5000, mailboxMessages: 5000 });
  for (const id of range(1, 1026)) alice.sendTo('bob', id);
  expect(counters.drops.queue_full).toBe(0);
  alice.sendTo('bob', 1027);
  expect([alice.take()[0], counters.drops.queue_full]).toEqual([`receipt 1027 ${overloaded}`, 1]);
  // A refusal is for what comes behind, not for those that wait.
  await run(10);
  expect([counters.drops.sticky, counters.messages.mailbox]).toEqual([0, 1026]);
});
