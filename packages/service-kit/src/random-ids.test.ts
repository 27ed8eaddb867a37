import { randomFillSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { RandomIds } from './random-ids.ts';

test('bytes are drawn for hundreds of ids at once, and used for one', () => {
  let drawn = 0;
  const ids = new RandomIds((bytes) => {
    drawn += bytes.length;
    randomFillSync(bytes);
  });
  const spans = Array.from({ length: 1024 }, () => ids.span());
  expect(drawn).toBe(1024 * 8);
  expect(new Set(spans).size).toBe(1024);
  for (const span of spans) expect(span).toMatch(/^[0-9a-f]{16}$/);
});

test('an id is made of bytes that were drawn next to each other, or of the next ones', () => {
  const ids = new RandomIds((bytes) => {
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = at;
  });
  expect(ids.trace()).toBe('000102030405060708090a0b0c0d0e0f');
  expect(ids.span()).toBe('1011121314151617');
  for (let at = 24; at < 248; at += 8) ids.span();
  expect(ids.trace()).toBe('000102030405060708090a0b0c0d0e0f');
});
