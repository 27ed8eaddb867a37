import { expect, it } from 'vitest';
import { Guesses } from './guesses.ts';

it('ten wrong secrets in a minute are enough', () => {
  let now = 0;
  const guesses = new Guesses(() => now);
  for (let count = 0; count < 10; count++) {
    expect(guesses.areUsedUp).toBe(false);
    guesses.wrong();
    now += 1000;
  }
  expect(guesses.areUsedUp).toBe(true);
  now = 59_999;
  expect(guesses.areUsedUp).toBe(true);
  now = 60_000;
  expect(guesses.areUsedUp).toBe(false);
});
