import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { UNLIMITED_ATTEMPTS } from '../../services/relay/src/core/attempts.ts';
import type { AttemptLimits } from '../../services/relay/src/core/shared-ports.ts';
import type { Implementation } from './implementation.ts';

/** What every implementation of the suites is started with. */
export const ATTEMPT_LIMITS: AttemptLimits = {
  ...UNLIMITED_ATTEMPTS,
  connect: { points: 3, seconds: 60, blockSeconds: 120 },
  failed_auth: { points: 3, seconds: 60, blockSeconds: 1 },
};

export function newSubject(): string {
  return `10.${[...randomBytes(3)].join('.')}`;
}

export function attemptsContract(get: () => Implementation): void {
  const attempts = () => get().store.attempts;
  const takes = async (count: number, subject: string): Promise<boolean[]> => {
    const passed: boolean[] = [];
    for (let at = 0; at < count; at += 1) passed.push((await attempts().take('connect', subject)) === 0);
    return passed;
  };

  test('so many attempts pass, then the subject is blocked for its time', async () => {
    const subject = newSubject();
    expect(await takes(4, subject)).toEqual([true, true, true, false]);
    const wait = await attempts().take('connect', subject);
    expect(wait).toBeGreaterThan(60_000);
    expect(wait).toBeLessThanOrEqual(120_000);
    expect(await attempts().blockedFor('connect', subject)).toBeGreaterThan(60_000);
  });

  test('of many attempts at once so many pass', async () => {
    const subject = newSubject();
    const waits = await Promise.all(Array.from({ length: 20 }, () => attempts().take('connect', subject)));
    expect(waits.filter((wait) => wait === 0)).toHaveLength(3);
  });

  test('others go on', async () => {
    const [subject, other] = [newSubject(), newSubject()];
    await takes(4, subject);
    expect(await attempts().blockedFor('connect', other)).toBe(0);
    expect(await takes(1, other)).toEqual([true]);
    expect(await attempts().blockedFor('failed_auth', subject)).toBe(0);
    expect(await attempts().take('failed_auth', subject)).toBe(0);
  });

  test('to ask whether a subject is blocked counts nothing', async () => {
    const subject = newSubject();
    for (let at = 0; at < 10; at += 1) expect(await attempts().blockedFor('connect', subject)).toBe(0);
    expect(await takes(4, subject)).toEqual([true, true, true, false]);
  });

  test('a block ends', async () => {
    const subject = newSubject();
    for (let at = 0; at < 4; at += 1) await attempts().take('failed_auth', subject);
    const wait = await attempts().blockedFor('failed_auth', subject);
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(1000);
    await sleep(wait + 50);
    expect(await attempts().blockedFor('failed_auth', subject)).toBe(0);
    expect(await attempts().take('failed_auth', subject)).toBe(0);
  });

  test('addresses of one IPv6 network are one subject', async () => {
    const network = `2001:db8:${randomBytes(2).toString('hex')}`;
    const addresses = [`${network}:1::1`, `${network}:1:ffff::`, `${network}:0001:0:0:0:0:2`.toUpperCase()];
    for (const address of addresses) expect(await takes(1, address)).toEqual([true]);
    expect(await takes(1, `${network}:1::4`)).toEqual([false]);
    expect(await takes(1, `${network}:2::1`)).toEqual([true]);
  });

  test('an attempt without a limit always passes', async () => {
    const waits = await Promise.all(Array.from({ length: 200 }, () => attempts().take('hello', 'realm/peer')));
    expect(waits.filter((wait) => wait > 0)).toEqual([]);
    expect(await attempts().blockedFor('hello', 'realm/peer')).toBe(0);
  });
}
