import { expect, test } from 'vitest';
import { Account } from './account.ts';

const DELIVERED = 1;
const RATE_LIMITED = 17;
const NOTHING = { duplicated: 0, repeated: 0, reordered: 0, refused: 0, missing: 0, unanswered: 0, stray: 0 };

function sent(count: number): Account {
  const account = new Account();
  for (let index = 0; index < count; index++) account.send(index);
  return account;
}

test('what arrives once, in order and with a receipt is settled', () => {
  const account = sent(2);
  expect(account.isSettled).toBe(false);
  expect([account.arrive(0, false), account.arrive(1, true)]).toEqual(['new', 'new']);
  expect(account.isSettled).toBe(false);
  expect([account.answer(0, DELIVERED), account.answer(1, DELIVERED)]).toEqual([0, 1]);
  expect(account.isSettled).toBe(true);
  expect(account.totals).toEqual({ ...NOTHING, sent: 2, delivered: 2 });
});

test('what has a receipt and does not arrive is missing; what has none is unanswered', () => {
  const account = sent(3);
  account.answer(0, DELIVERED);
  account.arrive(1, false);
  expect(account.totals).toEqual({ ...NOTHING, sent: 3, delivered: 1, missing: 2, unanswered: 2 });
});

test('what is refused is not missing, and is no duplicate when it arrives after all', () => {
  const account = sent(2);
  account.answer(0, RATE_LIMITED);
  account.answer(1, RATE_LIMITED);
  expect(account.isSettled).toBe(true);
  expect(account.arrive(1, false)).toBe('new');
  expect(account.totals).toEqual({ ...NOTHING, sent: 2, delivered: 1, refused: 2 });
});

test('a second arrival is a duplicate, unless the relay says that it may be one', () => {
  const account = sent(1);
  account.answer(0, DELIVERED);
  account.arrive(0, false);
  expect([account.arrive(0, true), account.arrive(0, false)]).toEqual(['repeated', 'duplicated']);
  expect(account.totals).toEqual({ ...NOTHING, sent: 1, delivered: 1, duplicated: 1, repeated: 1 });
});

test('an arrival behind a later one is out of order; behind a gap it is not', () => {
  const account = sent(4);
  expect([2, 1, 3].map((number) => account.arrive(number, false))).toEqual(['new', 'reordered', 'new']);
  expect(account.totals.reordered).toBe(1);
});

test('a receipt that nothing is owed is a stray one', () => {
  const account = sent(1);
  account.answer(0, DELIVERED);
  expect([account.answer(0, DELIVERED), account.answer(7, DELIVERED)]).toEqual([null, null]);
  expect(account.totals.stray).toBe(2);
});
