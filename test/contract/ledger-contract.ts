import { expect, test } from 'vitest';
import type { LedgerDelta } from '../../services/relay/src/core/ports.ts';
import { HOUR, newRealm } from './fixtures.ts';
import type { Implementation } from './implementation.ts';

export function ledgerContract(get: () => Implementation): void {
  const update = (realm: ReturnType<typeof newRealm>, deltas: LedgerDelta[], oldest = 0, keepMs = HOUR) =>
    get().store.ledger.update(realm, deltas, oldest, keepMs);
  const holds = (bytes: number, expiredMessages = 0, expiredBytes = 0) => ({
    kind: 'updated',
    bytes,
    expiredMessages,
    expiredBytes,
  });

  test('adds up over slices and calls', async () => {
    const realm = newRealm();
    const deltas = [
      { slice: 10, messages: 1, bytes: 100 },
      { slice: 11, messages: 2, bytes: 50 },
    ];
    expect(await update(realm, deltas)).toEqual(holds(150));
    expect(await update(realm, [{ slice: 10, messages: -1, bytes: -100 }])).toEqual(holds(50));
    expect(await update(realm, [])).toEqual(holds(50));
  });

  test('a slice that has passed is reported once, to one caller', async () => {
    const realm = newRealm();
    const deltas = [1, 2, 3].map((slice) => ({ slice, messages: slice, bytes: slice * 10 }));
    await update(realm, deltas);
    const replies = await Promise.all([update(realm, [], 3), update(realm, [], 3), update(realm, [], 3)]);
    expect(replies.filter((reply) => 'expiredBytes' in reply && reply.expiredBytes === 30)).toHaveLength(1);
    expect(replies).toContainEqual(holds(30, 3, 30));
    expect(replies).toContainEqual(holds(30));
  });

  test('deltas of passed slices are ignored', async () => {
    const realm = newRealm();
    expect(await update(realm, [{ slice: 4, messages: 1, bytes: 10 }], 5)).toEqual(holds(0));
    expect(await update(realm, [], 6)).toEqual(holds(0));
  });

  test('a slice below zero counts as empty, now and when it passes', async () => {
    const realm = newRealm();
    const deltas = [
      { slice: 1, messages: -2, bytes: -30 },
      { slice: 2, messages: 1, bytes: 10 },
    ];
    expect(await update(realm, deltas)).toEqual(holds(10));
    expect(await update(realm, [], 2)).toEqual(holds(10, 0, 0));
  });

  test('realms have accounts of their own, which are forgotten when nobody touches them', async () => {
    const [realm, other] = [newRealm(), newRealm()];
    await update(realm, [{ slice: 1, messages: 1, bytes: 10 }], 0, 60);
    expect(await update(other, [])).toEqual(holds(0));
    await get().advance(70);
    expect(await update(realm, [])).toEqual(holds(0));
  });

  test('amounts beyond 32 bits', async () => {
    const realm = newRealm();
    await update(realm, [{ slice: 1, messages: 1, bytes: 2 ** 40 }]);
    expect(await update(realm, [{ slice: 2, messages: 1, bytes: 2 ** 40 }])).toEqual(holds(2 ** 41));
  });
}
