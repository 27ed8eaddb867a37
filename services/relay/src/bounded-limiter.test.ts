import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BoundedLimiter, blockOf, waitOf } from './bounded-limiter.ts';

const LIMIT = { points: 2, seconds: 60, blockSeconds: 300 };

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
afterEach(() => vi.useRealTimers());

const waits = async (limiter: BoundedLimiter, subject: string, count: number): Promise<number[]> => {
  const all: number[] = [];
  for (let at = 0; at < count; at += 1) all.push(await waitOf(limiter.consume(subject)));
  return all;
};

test('blocks from the first attempt that is too many, for the block and not the window', async () => {
  const limiter = new BoundedLimiter(LIMIT);
  expect(await waits(limiter, 'a', 3)).toEqual([0, 0, 300_000]);
  vi.advanceTimersByTime(100_000);
  expect(await waits(limiter, 'a', 1)).toEqual([200_000]);
  expect(blockOf(await limiter.get('a'), 2)).toBe(200_000);
  vi.advanceTimersByTime(200_000);
  expect(await waits(limiter, 'a', 1)).toEqual([0]);
  expect(blockOf(await limiter.get('a'), 2)).toBe(0);
});

test('remembers so many subjects, with their timers: those that tried last', async () => {
  const limiter = new BoundedLimiter(LIMIT, 3);
  await waits(limiter, 'busy', 3);
  for (let at = 0; at < 100; at += 1) {
    await waits(limiter, `other${at}`, 1);
    expect(await waits(limiter, 'busy', 1)).not.toEqual([0]);
  }
  expect([limiter.size, vi.getTimerCount()]).toEqual([3, 3]);
  expect(await waits(limiter, 'other98', 2)).toEqual([0, 300_000]);
  expect(await waits(limiter, 'other1', 2)).toEqual([0, 0]);
});
