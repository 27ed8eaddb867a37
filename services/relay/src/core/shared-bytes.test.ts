import { expect, test } from 'vitest';
import { SharedBytes } from './shared-bytes.ts';

test('one connection may hold its own bound', () => {
  const outbound = new SharedBytes(1000, 100);
  expect([outbound.change(0, 100), outbound.change(100, 101), outbound.change(101, 0)]).toEqual([true, false, true]);
  expect(outbound.held).toBe(0);
});

test('the fuller the whole, the less each may hold, and the whole is never exceeded', () => {
  const outbound = new SharedBytes(1000, 100);
  const held: number[] = [];
  for (let index = 0; index < 1000; index += 1) {
    // The most that it may have, found by trying.
    let bytes = 0;
    while (outbound.change(bytes, bytes + 1)) bytes += 1;
    outbound.change(bytes + 1, bytes);
    held.push(bytes);
    expect(outbound.held).toBeLessThanOrEqual(1000);
  }
  expect(held.slice(0, 6)).toEqual([100, 100, 100, 100, 100, 100]);
  expect(held).toEqual([...held].sort((one, other) => other - one));
  expect(held.at(-1)).toBe(0);
});
