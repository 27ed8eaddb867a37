import { expect, test } from 'vitest';
import { Lot } from './lot.ts';

/** Of the first `count`, those that are drawn. */
function drawn(lot: Lot, count: number): number[] {
  return Array.from({ length: count }, (_, index) => (lot.draw() ? [index] : [])).flat();
}

test('all, or none', () => {
  expect(drawn(new Lot(1), 3)).toEqual([0, 1, 2]);
  expect(drawn(new Lot(0), 1000)).toEqual([]);
});

test('how many are passed over is geometrically distributed', () => {
  const numbers = [0, 0.5, 0.75, 0.999];
  const lot = new Lot(0.5, () => numbers.shift() as number);
  // 0, then 1, then 2, then 9 are passed over.
  expect(drawn(lot, 7)).toEqual([0, 2, 5]);
});

test('one of a hundred on average', () => {
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  expect(drawn(new Lot(0.01, random), 100_000).length).toBeGreaterThan(900);
  expect(drawn(new Lot(0.01, random), 100_000).length).toBeLessThan(1100);
});
