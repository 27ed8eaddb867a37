import { expect, test } from 'vitest';
import { ROLE_TOKENS } from '../../../../test/kit/admin-server.ts';
import { subjectOf } from '../core/attempts.ts';
import { Entrance } from './entrance.ts';

const RIGHT = 'Bearer read-token';
const WRONG = 'Bearer guess';

/** Three attempts, then blocked for good. */
function setUp() {
  const failed = new Map<string, number>();
  let looks = 0;
  const entrance = new Entrance({
    tokens: ROLE_TOKENS,
    attempts: {
      async take(attempt, subject) {
        const key = `${attempt} ${subjectOf(attempt, subject)}`;
        const count = (failed.get(key) ?? 0) + 1;
        failed.set(key, count);
        return count > 3 ? 1500 : 0;
      },
      async blockedFor(attempt, subject) {
        looks += 1;
        return (failed.get(`${attempt} ${subjectOf(attempt, subject)}`) ?? 0) > 3 ? 1500 : 0;
      },
    },
  });
  const status = async (authorization: string | undefined, address = '10.0.0.1') => {
    const reply = await entrance.admit(authorization, address);
    return 'status' in reply ? reply.status : reply.role;
  };
  return { entrance, status, failed, looks: () => looks };
}

test('who tries out tokens is blocked by address, and gets in with none then', async () => {
  const { status, entrance, failed } = setUp();
  for (let guess = 0; guess < 3; guess += 1) expect(await status(WRONG)).toBe(401);
  expect(await status(WRONG)).toBe(429);
  expect(await status(RIGHT)).toBe(429);
  const reply = await entrance.admit(WRONG, '10.0.0.1');
  expect(reply).toMatchObject({ status: 429, headers: { 'retry-after': '2' } });
  expect([...failed]).toEqual([['failed_auth admin 10.0.0.1', 4]]);
  expect(await status(RIGHT, '10.0.0.2')).toBe('read');
});

test.each([
  ['::ffff:10.0.0.1', ['10.0.0.1'], ['::ffff:10.0.0.2', '::1', '2001:db8:1:2::5']],
  ['2001:db8:1:2::5', ['2001:db8:1:2::6'], ['2001:db8:1:3::5', '2001:db8:1::2', '::ffff:10.0.0.1']],
])('who tries out tokens from %s has nobody else blocked', async (guesser, same, others) => {
  const { status } = setUp();
  for (let guess = 0; guess < 4; guess += 1) await status(WRONG, guesser);
  const verdicts = (addresses: readonly string[]) => Promise.all(addresses.map((address) => status(RIGHT, address)));
  expect(await verdicts([guesser, ...same])).toEqual([429, 429]);
  expect(await verdicts(others)).toEqual(others.map(() => 'read'));
});

test('to send no token is no attempt', async () => {
  const { status, failed } = setUp();
  for (let time = 0; time < 10; time += 1) expect(await status(undefined)).toBe(401);
  expect(failed.size).toBe(0);
});

test('a token that was let in goes on from its address, and costs no further look; no other token does', async () => {
  const { status, looks } = setUp();
  expect(await status(RIGHT)).toBe('read');
  for (let guess = 0; guess < 4; guess += 1) await status(WRONG);
  const before = looks();
  expect(await status(RIGHT)).toBe('read');
  expect(looks()).toBe(before);
  expect(await status('Bearer admin-token')).toBe(429);
});
