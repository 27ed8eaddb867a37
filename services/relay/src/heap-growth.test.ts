import { expect, test } from 'vitest';
import { growthPercent } from './heap-growth.ts';

const MIB = 1024 * 1024;

test.each([
  [10 * MIB, 400],
  [30 * MIB, 320],
  [96 * MIB, 100],
  [97 * MIB, 0],
  [2048 * MIB, 0],
])('a heap of %i bytes may grow by %i %%', (bytes, percent) => {
  expect(growthPercent(bytes)).toBe(percent);
});
