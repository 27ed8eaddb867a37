import { MAX_PACKET_BYTES } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { BufferPool } from './buffers.ts';

test.each([
  [1, 1024],
  [1024, 1024],
  [1025, 2048],
  [MAX_PACKET_BYTES, MAX_PACKET_BYTES],
  [MAX_PACKET_BYTES + 1, 2 * MAX_PACKET_BYTES],
])('for %i bytes it takes a buffer of %i', (bytes, size) => {
  expect(new BufferPool().take(bytes)).toHaveLength(size);
});

test('a buffer that was given is taken again, and by one only', () => {
  const pool = new BufferPool();
  const [first, second] = [pool.take(100), pool.take(5000)];
  pool.give(first);
  pool.give(second);
  expect(pool.take(8192) === second).toBe(true);
  expect(pool.take(1) === first).toBe(true);
  expect(pool.take(1) === first).toBe(false);
});

test('of each size it keeps 1 MiB', () => {
  const pool = new BufferPool();
  const given = new Set<Uint8Array>(Array.from({ length: 300 }, () => new Uint8Array(4096)));
  for (const buffer of given) pool.give(buffer);
  const again = Array.from({ length: 300 }, () => pool.take(4096));
  expect(again.filter((buffer) => given.has(buffer))).toHaveLength(256);
  const large = new Uint8Array(2 * MAX_PACKET_BYTES);
  pool.give(large);
  expect(pool.take(2 * MAX_PACKET_BYTES) === large).toBe(false);
});
