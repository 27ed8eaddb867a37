import { expect, test } from 'vitest';
import { Turnstile } from './turnstile.ts';

test('lets so many in at a time, the others in their order as places become free', () => {
  const turnstile = new Turnstile(2);
  const entered: number[] = [];
  for (let number = 0; number < 5; number++) turnstile.enter(() => entered.push(number));
  expect(entered).toEqual([0, 1]);
  turnstile.leave();
  turnstile.leave();
  expect(entered).toEqual([0, 1, 2, 3]);
  for (let left = 0; left < 3; left++) turnstile.leave();
  expect(entered).toEqual([0, 1, 2, 3, 4]);
  turnstile.enter(() => entered.push(5));
  expect(entered).toEqual([0, 1, 2, 3, 4, 5]);
});

test('a place that goes to the next one is not free for another', () => {
  const turnstile = new Turnstile(1);
  const entered: number[] = [];
  for (let number = 0; number < 2; number++) turnstile.enter(() => entered.push(number));
  turnstile.leave();
  turnstile.enter(() => entered.push(2));
  expect(entered).toEqual([0, 1]);
  turnstile.leave();
  expect(entered).toEqual([0, 1, 2]);
});
