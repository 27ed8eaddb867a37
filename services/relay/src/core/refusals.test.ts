import { expect, test } from 'vitest';
import { A, B, key, message } from '../../../../test/simulation/core-kit.ts';
import { MAX_REFUSALS, Refusals } from './refusals.ts';

test('holds for the run that was refused and earlier ones, of this connection and recipient only', () => {
  const refusals = new Refusals();
  expect(refusals.check(message())).toBe(0);
  refusals.add(message({ run: 2 }), 19, 0);
  expect([0, 1, 2, 3].map((run) => refusals.check(message({ run })))).toEqual([19, 19, 19, 0]);
  expect(refusals.check(message({ session: 2 }))).toBe(0);
  expect(refusals.check(message({ origin: B }))).toBe(0);
  expect(refusals.check(message({ to: key('carol') }))).toBe(0);
});

test('a later run takes the place of an earlier one, and not the other way round', () => {
  const refusals = new Refusals();
  refusals.add(message({ run: 1 }), 19, 0);
  refusals.add(message({ run: 0 }), 20, 0);
  expect(refusals.check(message({ run: 1 }))).toBe(19);
  refusals.add(message({ run: 2 }), 20, 0);
  expect(refusals.check(message({ run: 2 }))).toBe(20);
});

test('does not hold for what came before the first message that was refused', () => {
  const refusals = new Refusals();
  const [first, second, third, fourth] = [message(), message(), message(), message()];
  refusals.add(third, 19, 0);
  expect([first, second, third, fourth].map((one) => refusals.check(one))).toEqual([0, 0, 0, 19]);
  refusals.add(first, 19, 0);
  expect([first, second, third].map((one) => refusals.check(one))).toEqual([0, 19, 19]);
  const [early, late] = [message({ run: 1 }), message({ run: 1 })];
  refusals.add(late, 20, 0);
  // Nothing of an earlier run may come any more; of the new one, what came first goes on.
  expect([first, early, late, message({ run: 1 })].map((one) => refusals.check(one))).toEqual([20, 0, 0, 20]);
});

test('the run after the last one is 0', () => {
  const refusals = new Refusals();
  refusals.add(message({ run: 0xffff }), 19, 0);
  expect(refusals.check(message({ run: 0 }))).toBe(0);
  refusals.add(message({ run: 0 }), 20, 0);
  expect([0xffff, 0, 1].map((run) => refusals.check(message({ run })))).toEqual([20, 20, 0]);
});

test('are forgotten after a minute, each in its time', () => {
  const refusals = new Refusals();
  refusals.add(message({ session: 1 }), 19, 0);
  refusals.add(message({ session: 2 }), 19, 1000);
  refusals.add(message({ session: 1, run: 1 }), 19, 2000);
  refusals.sweep(60_999);
  expect([1, 2].map((session) => refusals.check(message({ session })))).toEqual([19, 19]);
  refusals.sweep(61_000);
  expect([1, 2].map((session) => refusals.check(message({ session })))).toEqual([19, 0]);
  refusals.sweep(62_000);
  expect(refusals.check(message({ session: 1 }))).toBe(0);
});

test('those of a connection that has ended are forgotten at once', () => {
  const refusals = new Refusals();
  refusals.add(message({ session: 1 }), 19, 0);
  refusals.add(message({ session: 1, to: key('carol') }), 19, 0);
  refusals.add(message({ session: 2 }), 19, 0);
  refusals.forget(A, 1);
  refusals.forget(A, 3);
  expect([1, 2].map((session) => refusals.check(message({ session })))).toEqual([0, 19]);
  expect(refusals.size).toBe(1);
});

test('are bounded in number: the connection that refused longest ago is forgotten', () => {
  const refusals = new Refusals();
  const each = MAX_REFUSALS / 2;
  for (let index = 0; index < each; index += 1) {
    refusals.add(message({ session: 1, to: key(`${index}`) }), 19, 0);
    refusals.add(message({ session: 2, to: key(`${index}`) }), 19, 0);
  }
  refusals.add(message({ session: 1, to: key('0'), run: 1 }), 19, 0);
  expect(refusals.size).toBe(2 * each);
  refusals.add(message({ session: 3 }), 19, 0);
  expect(refusals.size).toBe(each + 1);
  const held = [1, 2].map((session) => refusals.check(message({ session, to: key('1') })));
  expect([...held, refusals.check(message({ session: 3 }))]).toEqual([19, 0, 19]);
});
