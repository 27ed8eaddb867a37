import { expect, test } from 'vitest';
import { ROLE_TOKENS } from '../../../../test/kit/admin-server.ts';
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
        const count = (failed.get(`${attempt} ${subject}`) ?? 0) + 1;
        failed.set(`${attempt} ${subject}`, count);
        return count > 3 ? 1500 : 0;
      },
      async blockedFor(attempt, subject) {
        looks += 1;
        return (failed.get(`${attempt} ${subject}`) ?? 0) > 3 ? 1500 : 0;
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
  expect([...failed]).toEqual([['failed_auth admin:10.0.0.1', 4]]);
  expect(await status(RIGHT, '10.0.0.2')).toBe('read');
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
