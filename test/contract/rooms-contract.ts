import type { PeerId, RealmName } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { peerKey } from '../../services/relay/src/core/address.ts';
import { HOUR, newRealm, of } from './fixtures.ts';
import type { Implementation } from './implementation.ts';

const CAP = 10_000;

export function roomsContract(get: () => Implementation): void {
  const rooms = () => get().store.rooms;

  /** A realm and its rooms; the owner is called by a number, as its rooms are. */
  function setUp(realm: RealmName = newRealm()) {
    const owner = (name: number) => peerKey(realm, `owner${name}` as PeerId);
    return {
      realm,
      owner,
      open: (name: number, candidates: readonly number[], ttlMs = HOUR, cap = CAP) =>
        rooms().open(realm, { owner: owner(name), ref: name }, candidates, ttlMs, cap),
      take: (code: string) => rooms().take(realm, code),
    };
  }

  const codeOf = async (reply: ReturnType<ReturnType<typeof setUp>['open']>) => of('opened', await reply).room.code;
  /** Opens rooms under `first` and the numbers behind it. */
  const openMany = ({ open }: ReturnType<typeof setUp>, first: number, count: number, ttlMs = HOUR) =>
    Promise.all(Array.from({ length: count }, (_, index) => codeOf(open(first + index, [first + index], ttlMs))));

  test('a room is opened under the first locator that is free, of four digits', async () => {
    const { open, owner } = setUp();
    const { room } = of('opened', await open(7, [120_042]));
    expect(room).toEqual({ code: '0042', owner: owner(7), ref: 7, expiresAt: expect.any(Number) });
    expect(await codeOf(open(8, [42, 10_042, 2 ** 48 - 1, 5]))).toBe('0655');
    expect(await open(9, [42, 655])).toEqual({ kind: 'taken' });
  });

  test('a repeated call finds its room; one that differs does not', async () => {
    const { open, realm, owner } = setUp();
    const first = of('opened', await open(1, [5, 6]));
    expect(await open(1, [5, 6])).toEqual(first);
    expect(await open(2, [5])).toEqual({ kind: 'taken' });
    const again = (ref: number, candidates: readonly number[]) =>
      codeOf(rooms().open(realm, { owner: owner(1), ref }, candidates, HOUR, CAP));
    expect(await again(2, [5, 6])).toBe('0006');
    expect(await again(1, [7])).toBe('0007');
  });

  test('locators have one digit more whenever more than 1 % of them would be in use', async () => {
    const realm = setUp();
    expect(new Set((await openMany(realm, 0, 100)).map((code) => code.length))).toEqual(new Set([4]));
    expect(await codeOf(realm.open(100, [123_456]))).toBe('23456');
    expect(new Set((await openMany(realm, 101, 899)).map((code) => code.length))).toEqual(new Set([5]));
    expect(await codeOf(realm.open(1000, [99]))).toBe('000099');
    // Of whatever length its code was.
    expect(await codeOf(realm.open(99, [99]))).toBe('0099');
    for (let count = 0; count < 100; count += 1) await realm.take(String(count).padStart(4, '0'));
    expect(await codeOf(realm.open(1000, [99]))).toBe('000099');
    expect(await codeOf(realm.open(1001, [99]))).toBe('00099');
  });

  test('of many calls at once as many open a room as the cap has places, and no two the same', async () => {
    const { open } = setUp();
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, name) => open(name, [name % 10, 100 + name], HOUR, 20)),
    );
    const opened = replies.flatMap((reply) => (reply.kind === 'opened' ? [reply.room.code] : []));
    expect(opened).toHaveLength(20);
    expect(new Set(opened).size).toBe(20);
    expect(replies.filter(({ kind }) => kind === 'full')).toHaveLength(30);
  });

  test('a full realm answers a repeated call, and opens another room when one is taken; realms are apart', async () => {
    const { open, take } = setUp();
    const one = await open(1, [1], HOUR, 1);
    expect(await open(2, [2], HOUR, 1)).toEqual({ kind: 'full' });
    expect(await open(1, [1], HOUR, 1)).toEqual(one);
    expect(await codeOf(setUp().open(1, [1], HOUR, 1))).toBe('0001');
    expect(of('taken', await take('0001')).room).toEqual(of('opened', one).room);
    expect(await codeOf(open(2, [2], HOUR, 1))).toBe('0002');
  });

  test('a room is taken once, by its whole code', async () => {
    const { open, take, realm } = setUp();
    const { room } = of('opened', await open(1, [1]));
    for (const code of ['1', '001', '00001', '', '0002']) expect(await take(code)).toEqual({ kind: 'none' });
    expect(await rooms().take(newRealm(), '0001')).toEqual({ kind: 'none' });
    const replies = await Promise.all(Array.from({ length: 10 }, () => rooms().take(realm, '0001')));
    expect(replies.filter(({ kind }) => kind === 'taken')).toEqual([{ kind: 'taken', room }]);
    expect(await take('0001')).toEqual({ kind: 'none' });
  });

  test('a room ends with its time: it is not found, its code is free, and it has no place any more', async () => {
    const realm = setUp();
    // More than are dropped with one call.
    const codes = await openMany(realm, 0, 300, 100);
    const lasting = await codeOf(realm.open(900, [900]));
    await get().advance(110);
    expect(await realm.take(codes.at(-1) ?? '')).toEqual({ kind: 'none' });
    expect(await codeOf(realm.open(1, [99], HOUR, 2))).toBe('0099');
    expect(await realm.open(2, [3], HOUR, 2)).toEqual({ kind: 'full' });
    expect(of('taken', await realm.take('0099')).room.owner).toBe(realm.owner(1));
    expect(await realm.take(lasting)).toMatchObject({ kind: 'taken' });
  });

  test('a repeated call does not extend a room', async () => {
    const { open } = setUp();
    const { room } = of('opened', await open(1, [1], 100));
    await get().advance(50);
    expect(of('opened', await open(1, [1], 100)).room).toEqual(room);
  });

  test('a room that is put back is there as before, until it ends', async () => {
    const { open, take, realm } = setUp();
    await open(1, [1], 300);
    const { room } = of('taken', await take('0001'));
    for (let repeat = 0; repeat < 2; repeat++) expect(await rooms().putBack(realm, room)).toEqual({ kind: 'put_back' });
    expect(await open(2, [1])).toEqual({ kind: 'taken' });
    expect(await take('0001')).toEqual({ kind: 'taken', room });
    await rooms().putBack(realm, room);
    await get().advance(300);
    expect(await take('0001')).toEqual({ kind: 'none' });
    await rooms().putBack(realm, room);
    expect(await take('0001')).toEqual({ kind: 'none' });
  });

  test('a room whose code is in use again is not put back', async () => {
    const { open, take, realm, owner } = setUp();
    await open(1, [1]);
    const { room } = of('taken', await take('0001'));
    await open(2, [1]);
    expect(await rooms().putBack(realm, room)).toEqual({ kind: 'put_back' });
    expect(of('taken', await take('0001')).room.owner).toBe(owner(2));
    expect(await take('0001')).toEqual({ kind: 'none' });
  });

  test.each(['}', '{a} b', '1 2 3', 'line\nbreak', '🦀', 'é'])('a peer called %j owns a room', async (name) => {
    const realm = newRealm();
    const owner = peerKey(realm, name as PeerId);
    const { room } = of('opened', await rooms().open(realm, { owner, ref: 2 ** 32 - 1 }, [5], HOUR, CAP));
    expect(of('taken', await rooms().take(realm, room.code)).room).toEqual(room);
    expect(room.owner).toBe(owner);
  });
}
