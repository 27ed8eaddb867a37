import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteQueue } from './byte-queue.ts';

function drain(queue: ByteQueue, most: number): number[] {
  const bytes: number[] = [];
  for (let piece = queue.take(most); piece !== null; piece = queue.take(most)) {
    expect(piece.length).toBeLessThanOrEqual(most);
    expect(piece.length).toBeGreaterThan(0);
    bytes.push(...piece);
  }
  return bytes;
}

test('bytes come out as they went in, whatever the pieces', () => {
  const step = fc.oneof(
    fc.record({ push: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 4000, max: 9000 })) }),
    fc.record({ take: fc.integer({ min: 1, max: 6000 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new ByteQueue();
      const expected: number[] = [];
      const seen: number[] = [];
      let next = 0;
      for (const one of steps) {
        if ('push' in one) {
          const bytes = Uint8Array.from({ length: one.push }, () => next++ & 0xff);
          expected.push(...bytes);
          queue.push(bytes);
        } else seen.push(...(queue.take(one.take) ?? []));
        expect(queue.length).toBe(expected.length - seen.length);
      }
      seen.push(...drain(queue, 1000));
      expect(seen).toEqual(expected);
    }),
    { numRuns: 100 },
  );
});

test('single bytes are gathered: a window of them is a few hundred pieces, not a million', () => {
  const queue = new ByteQueue();
  for (let count = 0; count < 100_000; count += 1) queue.push(Uint8Array.of(count));
  let pieces = 0;
  while (queue.take(65_536) !== null) pieces += 1;
  expect(pieces).toBe(Math.ceil(100_000 / 4096));
});

test('a small piece is copied, and what is cleared does not come back', () => {
  const queue = new ByteQueue();
  const piece = Uint8Array.of(1, 2);
  queue.push(piece);
  piece.fill(9);
  expect(drain(queue, 10)).toEqual([1, 2]);
  queue.push(piece);
  queue.clear();
  queue.push(Uint8Array.of(3));
  expect(drain(queue, 10)).toEqual([3]);
});
