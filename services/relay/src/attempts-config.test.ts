import { expect, test } from 'vitest';
import { ATTEMPT_VARIABLES, toAttemptLimits } from './attempts-config.ts';
import { ATTEMPTS } from './core/shared-ports.ts';

const { schema } = ATTEMPT_VARIABLES.attemptsHello;

test.each([
  ['off', { points: 0, seconds: 0, blockSeconds: 0 }],
  ['20/60/60', { points: 20, seconds: 60, blockSeconds: 60 }],
  ['1/1/0', { points: 1, seconds: 1, blockSeconds: 0 }],
])('%s', (text, limit) => {
  expect(schema.parse(text)).toEqual(limit);
});

test.each(['', '20', '20/60', '0/60/60', '20/0/60', '-1/60/60', '20/60/60/1', '1.5/60/60', '20/60/x', 'on'])(
  '%j is no limit',
  (text) => {
    expect(schema.safeParse(text).success).toBe(false);
  },
);

test('each attempt has the limit of its variable', () => {
  const limits = ATTEMPTS.map((_, index) => ({ points: index + 1, seconds: 60, blockSeconds: 0 }));
  const names = Object.keys(ATTEMPT_VARIABLES);
  const config = Object.fromEntries(names.map((name, index) => [name, limits[index]]));
  expect(toAttemptLimits(config as unknown as Parameters<typeof toAttemptLimits>[0])).toEqual(
    Object.fromEntries(ATTEMPTS.map((attempt, index) => [attempt, limits[index]])),
  );
});
