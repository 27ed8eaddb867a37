import { ReceiptStatus } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { A, B, entryOf, message } from '../../../../test/simulation/core-kit.ts';
import { World } from '../../../../test/simulation/world.ts';
import { Counters } from './counters.ts';
import { Receipts } from './receipts.ts';
import { Refusals } from './refusals.ts';

function setUp() {
  const counters = new Counters();
  const refusals = new Refusals();
  const out: unknown[] = [];
  const receipts = new Receipts({
    self: A,
    clock: new World(),
    counters,
    refusals,
    toSession: (...args) => out.push(args),
    toNode: (...args) => out.push(args),
  });
  return { counters, refusals, out, receipts };
}

test('go to the session of a sender here', () => {
  const { receipts, out, counters } = setUp();
  receipts.give(message({ id: 7 }), ReceiptStatus.delivered);
  receipts.give(message({ id: 8 }), ReceiptStatus.queued);
  expect(out).toEqual([
    [1, 7, 1],
    [1, 8, 2],
  ]);
  expect([counters.receipts[1], counters.receipts[2]]).toEqual([1, 1]);
});

test('go to the node of the sender, with the entry that they settle there', () => {
  const { receipts, out } = setUp();
  const entry = entryOf(B);
  receipts.give(message({ origin: B, session: 4, id: 7, entry }), ReceiptStatus.delivered);
  expect(out).toEqual([[B, 4, 7, 1, entry]]);
  expect(entry.unsettled).toBe(1);
});

test('a temporary refusal holds for what follows, a final one does not', () => {
  const { receipts, refusals, counters } = setUp();
  receipts.refuse(message(), ReceiptStatus.offline, 'offline');
  expect(refusals.check(message())).toBe(0);
  receipts.refuse(message(), ReceiptStatus.overloaded, 'queue_full');
  expect(refusals.check(message())).toBe(ReceiptStatus.overloaded);
  expect([counters.drops.offline, counters.drops.queue_full]).toEqual([1, 1]);
});
