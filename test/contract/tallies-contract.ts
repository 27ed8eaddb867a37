import type { PeerId } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { peerKey } from '../../services/relay/src/core/address.ts';
import { HOUR, newNode, newRealm } from './fixtures.ts';
import type { Implementation } from './implementation.ts';

export function talliesContract(get: () => Implementation): void {
  const tallies = () => get().store.tallies;
  const claim = (realm: ReturnType<typeof newRealm>, node: ReturnType<typeof newNode>, cap: number, amount = 1) =>
    tallies().claim(realm, 'connections', node, amount, cap, HOUR);
  const report = (realm: ReturnType<typeof newRealm>, node: ReturnType<typeof newNode>, amount: number, ttlMs = HOUR) =>
    tallies().report(realm, 'connections', node, amount, ttlMs);
  const reserve = (realm: ReturnType<typeof newRealm>, peer: string, cap: number, ttlMs = HOUR) =>
    tallies().reserve(realm, peerKey(realm, peer as PeerId), ttlMs, cap);

  test('of many claims at once as many are granted as the cap has places, over all nodes', async () => {
    const [realm, nodes] = [newRealm(), [newNode(), newNode(), newNode()] as const];
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, index) => claim(realm, nodes[index % 3] ?? nodes[0], 20)),
    );
    expect(replies.filter(({ kind }) => kind === 'claimed')).toHaveLength(20);
    expect(replies.filter(({ kind }) => kind === 'full')).toEqual(Array(30).fill({ kind: 'full', held: 20 }));
  });

  test('an amount is claimed whole or not at all', async () => {
    const [realm, node] = [newRealm(), newNode()];
    expect(await claim(realm, node, 10, 7)).toEqual({ kind: 'claimed' });
    expect(await claim(realm, newNode(), 10, 4)).toEqual({ kind: 'full', held: 7 });
    expect(await claim(realm, newNode(), 10, 3)).toEqual({ kind: 'claimed' });
    expect(await claim(realm, node, 10)).toEqual({ kind: 'full', held: 10 });
  });

  test('a report replaces what its node had claimed, and tells what all hold', async () => {
    const [realm, node, other] = [newRealm(), newNode(), newNode()];
    await claim(realm, node, 10, 6);
    await claim(realm, other, 10, 4);
    expect(await report(realm, node, 5)).toEqual({ kind: 'reported', held: 9 });
    expect(await claim(realm, other, 10)).toEqual({ kind: 'claimed' });
    expect(await report(realm, node, 0)).toEqual({ kind: 'reported', held: 5 });
    expect(await report(realm, newNode(), 0)).toEqual({ kind: 'reported', held: 5 });
  });

  test('a report may be over every cap: it says what is', async () => {
    const [realm, node] = [newRealm(), newNode()];
    expect(await report(realm, node, 25)).toEqual({ kind: 'reported', held: 25 });
    expect(await claim(realm, newNode(), 20)).toEqual({ kind: 'full', held: 25 });
  });

  test('the share of a node that is not heard of again ends, and no other', async () => {
    const [realm, dead, alive] = [newRealm(), newNode(), newNode()];
    await report(realm, dead, 8, 60);
    await report(realm, alive, 2);
    expect(await claim(realm, alive, 10)).toEqual({ kind: 'full', held: 10 });
    await get().advance(70);
    expect(await report(realm, alive, 2)).toEqual({ kind: 'reported', held: 2 });
    await report(realm, dead, 8, 60);
    await get().advance(70);
    expect(await claim(realm, alive, 10)).toEqual({ kind: 'claimed' });
  });

  test('a claim gives its node as much time as a report', async () => {
    const [realm, node] = [newRealm(), newNode()];
    await report(realm, node, 1, 60);
    await claim(realm, node, 10);
    await get().advance(70);
    expect(await report(realm, newNode(), 0)).toEqual({ kind: 'reported', held: 2 });
  });

  test('realms and tallies are counted apart', async () => {
    const [realm, node] = [newRealm(), newNode()];
    await claim(realm, node, 10, 10);
    expect(await tallies().claim(realm, 'watched', node, 10, 10, HOUR)).toEqual({ kind: 'claimed' });
    expect(await claim(newRealm(), node, 10, 10)).toEqual({ kind: 'claimed' });
  });

  test('a reservation is booked while there is room, and extended when it is booked', async () => {
    const realm = newRealm();
    const names = ['a', 'b{c}', '}'];
    for (const name of names) expect(await reserve(realm, name, 3)).toEqual({ kind: 'reserved' });
    expect(await reserve(realm, 'd', 3)).toEqual({ kind: 'full', held: 3 });
    expect(await reserve(realm, 'b{c}', 3)).toEqual({ kind: 'reserved' });
    expect(await reserve(realm, 'd', 4)).toEqual({ kind: 'reserved' });
    expect(await reserve(newRealm(), 'd', 1)).toEqual({ kind: 'reserved' });
  });

  test('of many peers at once as many are booked as there is room for', async () => {
    const realm = newRealm();
    const replies = await Promise.all(Array.from({ length: 30 }, (_, index) => reserve(realm, `peer${index}`, 12)));
    expect(replies.filter(({ kind }) => kind === 'reserved')).toHaveLength(12);
  });

  test('what is booked ends with its time, unless it is extended', async () => {
    const realm = newRealm();
    await reserve(realm, 'a', 2, 60);
    await reserve(realm, 'b', 2, 60);
    await reserve(realm, 'a', 2, HOUR);
    expect(await reserve(realm, 'c', 2)).toEqual({ kind: 'full', held: 2 });
    await get().advance(70);
    expect(await reserve(realm, 'c', 2)).toEqual({ kind: 'reserved' });
    expect(await reserve(realm, 'b', 2)).toEqual({ kind: 'full', held: 2 });
  });
}
