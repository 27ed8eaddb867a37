import { expect, test } from 'vitest';
import { ATTEMPT_VARIABLES, toAttemptLimits } from './attempts-config.ts';

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
  const [attemptsConnect, attemptsFailedAuth, attemptsHello] = [1, 2, 3].map((points) => ({
    points,
    seconds: 60,
    blockSeconds: 0,
  })) as [never, never, never];
  expect(toAttemptLimits({ attemptsConnect, attemptsFailedAuth, attemptsHello })).toEqual({
    connect: attemptsConnect,
    failed_auth: attemptsFailedAuth,
    hello: attemptsHello,
  });
});
