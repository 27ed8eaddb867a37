import { ReceiptStatus, SendFlag } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { A, B, TestCluster, withMethods } from '../../../../test/simulation/core-kit.ts';
import type { Distribution } from './counters.ts';

const { delivered, queued, offline } = ReceiptStatus;

const seen = ({ count, sum }: Distribution): readonly [number, number] => [count, sum];
const all = (distributions: Readonly<Record<string, Distribution>>) =>
  Object.fromEntries(Object.entries(distributions).map(([name, one]) => [name, seen(one)]));

test('the time to an outcome is that from SEND to receipt, by outcome; the time to a delivery ends before the answer', async () => {
  const cluster = new TestCluster();
  const { relay } = await cluster.start(A);
  const { receiptLatency, deliveryLatency } = relay.counters;
  const alice = await cluster.connect(relay, 'alice');
  const bob = await cluster.connect(relay, 'bob');
  alice.sendTo('bob', 1);
  await cluster.run(40);
  bob.say({ type: 'ack', seq: 1 });
  expect(alice.take()).toEqual([`receipt 1 ${delivered}`]);
  expect(all(receiptLatency)).toEqual({ delivered: [1, 40], queued: [0, 0], refused: [0, 0] });
  expect(all(deliveryLatency)).toEqual({ local: [1, 0], remote: [0, 0] });

  alice.sendTo('carol', 2);
  alice.sendTo('carol', 3, SendFlag.noStore);
  await cluster.run(100);
  expect(alice.take().sort()).toEqual([`receipt 2 ${queued}`, `receipt 3 ${offline}`]);
  expect(Object.values(receiptLatency).map(({ count }) => count)).toEqual([1, 1, 1]);
  // What is stored is not delivered directly, and what is refused at once was never taken.
  alice.sendTo('bob', 4, 0, relay.settings.maxPayload + 1);
  expect(Object.values(receiptLatency).map(({ count }) => count)).toEqual([1, 1, 1]);
  expect(deliveryLatency.local.count).toBe(1);
});

test('a message from another node is on its way since it was appended to the inbox', async () => {
  const cluster = new TestCluster();
  const reading = { isHeld: false, waiting: [] as (() => void)[] };
  const a = await cluster.start(A);
  const b = await cluster.start(B, {}, (store) => ({
    inbox: withMethods(store.inbox, {
      start: (node, onEntries) =>
        store.inbox.start(node, (entries) => {
          if (reading.isHeld) reading.waiting.push(() => onEntries(entries));
          else onEntries(entries);
        }),
    }),
  }));
  const alice = await cluster.connect(a.relay, 'alice');
  const bob = await cluster.connect(b.relay, 'bob');
  reading.isHeld = true;
  alice.sendTo('bob', 1);
  await cluster.run(300);
  expect(bob.take()).toEqual([]);
  for (const read of reading.waiting) read();
  expect(bob.take()).toEqual(['deliver 1 alice 1']);
  const { remote, local } = b.relay.counters.deliveryLatency;
  expect([remote.count, local.count]).toEqual([1, 0]);
  expect(remote.sum).toBeGreaterThan(250);
  expect(remote.sum).toBeLessThanOrEqual(300);
});
