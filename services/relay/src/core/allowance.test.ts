import { expect, test } from 'vitest';
import { Allowance } from './allowance.ts';
import type { Clock } from './clock.ts';

test('gives its burst at once, and then what comes back with time', () => {
  let asked = 0;
  let now = 1000;
  const clock: Clock = {
    now() {
      asked += 1;
      return now;
    },
  };
  const allowance = new Allowance(10, 5, clock);
  const taken = (units: number): boolean => allowance.take(units);
  expect(Array.from({ length: 10 }, () => taken(1))).not.toContain(false);
  expect(asked).toBe(1);
  expect(taken(1)).toBe(false);
  now += 600;
  expect([taken(2), taken(2), taken(1), taken(1)]).toEqual([true, false, true, false]);
  now += 60_000;
  expect([taken(10), taken(1)]).toEqual([true, false]);
});

test('a clock that goes back gives nothing and takes nothing', () => {
  let now = 1000;
  const allowance = new Allowance(1, 1, { now: () => now });
  now = 0;
  expect([allowance.take(1), allowance.take(1)]).toEqual([true, false]);
  now = 999;
  expect(allowance.take(1)).toBe(false);
  now = 1000;
  expect(allowance.take(1)).toBe(true);
});
