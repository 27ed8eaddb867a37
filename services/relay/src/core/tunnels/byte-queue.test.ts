import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BufferPool } from '../buffers.ts';
import { ByteQueue } from './byte-queue.ts';

function drain(queue: ByteQueue, most: number): number[] {
  const bytes: number[] = [];
  const use = (piece: Uint8Array): void => {
    expect(piece.length).toBeLessThanOrEqual(most);
    expect(piece.length).toBeGreaterThan(0);
    bytes.push(...piece);
  };
  while (queue.take(most, use));
  return bytes;
}

test('bytes come out as they went in, whatever the pieces', () => {
  const step = fc.oneof(
    fc.record({ push: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 4000, max: 9000 })) }),
    fc.record({ take: fc.integer({ min: 1, max: 6000 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new ByteQueue(new BufferPool());
      const expected: number[] = [];
      const seen: number[] = [];
      let next = 0;
      for (const one of steps) {
        if ('push' in one) {
          const bytes = Uint8Array.from({ length: one.push }, () => next++ & 0xff);
          expected.push(...bytes);
          queue.push(bytes);
        } else queue.take(one.take, (piece) => seen.push(...piece));
        expect(queue.length).toBe(expected.length - seen.length);
      }
      seen.push(...drain(queue, 1000));
      expect(seen).toEqual(expected);
    }),
    { numRuns: 100 },
  );
});

test('single bytes are gathered: a window of them is a few hundred pieces, not a million', () => {
  const queue = new ByteQueue(new BufferPool());
  for (let count = 0; count < 100_000; count += 1) queue.push(Uint8Array.of(count));
  let pieces = 0;
  while (queue.take(65_536, () => undefined)) pieces += 1;
  expect(pieces).toBe(Math.ceil(100_000 / 4096));
});

test('pieces are copied, and what is cleared does not come back', () => {
  const queue = new ByteQueue(new BufferPool());
  const piece = Uint8Array.of(1, 2);
  queue.push(piece);
  piece.fill(9);
  expect(drain(queue, 10)).toEqual([1, 2]);
  queue.push(piece);
  queue.clear();
  queue.push(Uint8Array.of(3));
  expect(drain(queue, 10)).toEqual([3]);
});

test('memory comes back: many bytes need few blocks, and blocks are as large as the pieces that come', () => {
  const taken: number[] = [];
  const pool = new BufferPool();
  const take = pool.take.bind(pool);
  pool.take = (bytes) => {
    const buffer = take(bytes);
    taken.push(buffer.length);
    return buffer;
  };
  const queue = new ByteQueue(pool);
  queue.push(new Uint8Array(10));
  queue.push(new Uint8Array(50_000));
  expect(taken).toEqual([4096, 65_536]);
  queue.clear();
  const blocks = new Set<ArrayBufferLike>();
  for (let round = 0; round < 1000; round += 1) {
    queue.push(new Uint8Array(65_536));
    queue.take(65_536, ({ buffer }) => blocks.add(buffer));
  }
  expect(blocks.size).toBe(1);
});
