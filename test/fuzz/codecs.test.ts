import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CODECS, type Codec } from './codecs.ts';
import { fuzz, SLICE } from './fuzz.ts';

/** For each codec; `npm run fuzz` tries a million. */
const INPUTS = 3000;
const SEED = 20_260_101;

test.each(CODECS.map((codec) => [codec.name, codec] as const))(
  '%s',
  (_name, codec) => {
    expect(fuzz(codec, INPUTS, SEED).inputs).toBe(INPUTS);
  },
  60_000,
);

const codec = (inputs: fc.Arbitrary<number>, check: Codec<number>['check']): Codec => ({
  name: 'defective',
  inputs,
  check: check as Codec['check'],
});

test('a crash is found, with the seed to have it again', () => {
  const crashing = codec(fc.nat(), (input) => {
    if (input % 100 === 7) throw new Error('boom');
  });
  expect(() => fuzz(crashing, 10_000, 1)).toThrow(/seed: 1.*\n.*\[7\]/);
});

test('a hang is found', () => {
  const hanging = codec(fc.constant(1), () => {
    for (const until = performance.now() + 1100; performance.now() < until; );
  });
  expect(() => fuzz(hanging, 1, 1)).toThrow(/took \d{4} ms/);
});

test('a leak is found', () => {
  const kept: unknown[] = [];
  const leaking = codec(fc.nat(), (input) => kept.push(new Array(64).fill(input)));
  expect(() => fuzz(leaking, 2 * SLICE, 1)).toThrow(/heap has grown by \d+ bytes/);
});
