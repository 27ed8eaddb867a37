import { expect, test } from 'vitest';
import { Handshakes } from './handshakes.ts';

test('handshakes may take the places that connections leave, and a few more', () => {
  const handshakes = new Handshakes(1000);
  for (let index = 0; index < 164; index += 1) handshakes.add(1);
  expect([handshakes.areTooMany(900), handshakes.areTooMany(901), handshakes.areTooMany(2000)]).toEqual([
    false,
    true,
    true,
  ]);
  handshakes.add(-1);
  expect(handshakes.areTooMany(901)).toBe(false);
});

test.each([
  [1, 64],
  [4096, 256],
  [1_000_000, 512],
])('of %i connections, %i more', (connections, more) => {
  const handshakes = new Handshakes(connections);
  handshakes.add(more);
  expect(handshakes.areTooMany(connections)).toBe(false);
  handshakes.add(1);
  expect(handshakes.areTooMany(connections)).toBe(true);
});
