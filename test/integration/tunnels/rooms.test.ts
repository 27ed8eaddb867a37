import { describe, expect, test } from 'vitest';
import type { KitRoom, TunnelPeer } from '../../kit/tunnel-peer.ts';
import { range } from '../fixture.ts';
import { endBoth, expectIntact, FORMS, useRelays } from './fixture.ts';

/** Tunnels and rooms of one connection, by default. */
const EACH = 16;
const OWNERS = 63;
const ROOMS = OWNERS * EACH;
const BYTES = 1000;
/** Locators have 4 digits for 100 rooms, 5 for 1000, and 6 beyond that. */
const DIGITS = { 4: 100, 5: 900, 6: ROOMS - 1000 };

interface Open {
  readonly room: KitRoom;
  readonly owner: string;
}

describe.each(FORMS)('%s', (_name, isCluster) => {
  const { join } = useRelays(isCluster);

  async function openAll(owner: TunnelPeer, name: string): Promise<Open[]> {
    const rooms = await Promise.all(range(1, EACH).map(() => owner.createRoom()));
    return rooms.map((room) => ({ room, owner: name }));
  }

  test('a thousand rooms at once: each has a code of its own, and pairs those who know it', async () => {
    const names = range(1, OWNERS);
    const owners = await Promise.all(names.map((index) => join(index, { peer: `owner-${index}` }, { seeds: [1, 2] })));
    const open = (await Promise.all(owners.map((owner, index) => openAll(owner, `owner-${index + 1}`)))).flat();
    const codes = open.map(({ room }) => room.code);
    expect(new Set(codes).size).toBe(ROOMS);
    const digits: Record<number, number> = {};
    for (const { length } of codes) digits[length] = (digits[length] ?? 0) + 1;
    expect(digits).toEqual(DIGITS);

    const joiners = await Promise.all(
      names.map((index) => join(index + 1, { peer: `joiner-${index}` }, { seeds: [2, 1] })),
    );
    const pairs = await Promise.all(
      open.map(async ({ room, owner }, index) => {
        const joiner = joiners[index % OWNERS] as TunnelPeer;
        const [near, far] = await Promise.all([room.opened(), joiner.joinRoom(room.code)]);
        expect([near.peer, far.peer]).toEqual([`joiner-${(index % OWNERS) + 1}`, owner]);
        return [near, far] as const;
      }),
    );
    await Promise.all(
      pairs.map(async ([near, far]) => {
        await Promise.all([near.send(BYTES), far.send(BYTES), near.untilReceived(BYTES), far.untilReceived(BYTES)]);
        await endBoth(near, far);
        expectIntact(near, far);
      }),
    );
  });

  test('a room is open for as long as was asked, and its code can be had again', async () => {
    const owner = await join(0, { peer: 'owner' });
    const [short, long] = await Promise.all([owner.createRoom(1500), owner.createRoom()]);
    expect(long.created.expiresAt - short.created.expiresAt).toBeGreaterThan(590_000);
    const joiner = await join(1, { peer: 'joiner' });
    await expect.poll(() => Date.now(), { timeout: 5000 }).toBeGreaterThan(short.created.expiresAt + 100);
    await expect(joiner.joinRoom(short.code)).rejects.toThrow('no_room');
    const [near, far] = await Promise.all([long.opened(), joiner.joinRoom(long.code)]);
    expect([near.peer, far.peer]).toEqual(['joiner', 'owner']);
    await expect(joiner.joinRoom(long.code)).rejects.toThrow('no_room');
  });
});
