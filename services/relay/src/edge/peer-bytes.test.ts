import type { PeerId } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { peerIdBytes } from './peer-bytes.ts';

test('gives the UTF-8 of each id, however many there are', () => {
  const ids = Array.from({ length: 20_000 }, (_, index) => `péer-${index}` as PeerId);
  for (const id of [...ids, ...ids.slice(-10)]) expect(Buffer.from(peerIdBytes(id)).toString()).toBe(id);
});

test('remembers those of the last moment', () => {
  const id = 'often' as PeerId;
  const bytes = peerIdBytes(id);
  for (let index = 0; index < 4096; index += 1) peerIdBytes(`other-${index}` as PeerId);
  expect(peerIdBytes(id)).toBe(bytes);
});
