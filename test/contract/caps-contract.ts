import { expect, test } from 'vitest';
import { LIMITS, leave, message, messages, newPeer, newWriter, of, readAll, register, storedIds } from './fixtures.ts';
import type { Implementation } from './implementation.ts';

export function capsContract(get: () => Implementation): void {
  async function store(key: ReturnType<typeof newPeer>, list: ReturnType<typeof messages>, limits = LIMITS) {
    return of('stored', await get().store.directory.locateOrStore(key, newWriter()(), list, limits));
  }

  test('over the count, the oldest message of the sender who holds most goes', async () => {
    const key = newPeer();
    const limits = { ...LIMITS, messages: 10 };
    const quiet = await store(key, [message(1, 'quiet')], limits);
    const flood = await store(key, messages(9, 'flood'), limits);
    const { evicted, count } = await store(key, [message(2, 'quiet'), message(3, 'quiet')], limits);
    expect(count).toBe(2);
    expect(evicted).toEqual(flood.entries.slice(0, 2).map((entry) => ({ entry, bytes: 20 })));
    const left = await readAll(get().store, key);
    expect(left).toHaveLength(10);
    expect(left[0]?.entry).toBe(quiet.entries[0]);
  });

  test('a flood evicts only its own', async () => {
    const key = newPeer();
    const limits = { ...LIMITS, messages: 10 };
    const quiet = await store(key, messages(3, 'quiet'), limits);
    for (let round = 0; round < 5; round++) await store(key, messages(8, 'flood'), limits);
    const left = await readAll(get().store, key);
    expect(left.slice(0, 3).map(({ entry }) => entry)).toEqual(quiet.entries);
    expect(left.filter(({ from }) => from === 'flood').map(({ id }) => id)).toEqual([2, 3, 4, 5, 6, 7, 8]);
  });

  test('over the bytes, the oldest messages of the sender with most bytes go, until it fits', async () => {
    const key = newPeer();
    const limits = { ...LIMITS, bytes: 1000 };
    await store(key, messages(10, 'many', 20), limits);
    const large = await store(key, messages(2, 'large', 400), limits);
    const { evicted } = await store(key, [message(1, 'new', 500)], limits);
    expect(evicted).toEqual([
      { entry: large.entries[0], bytes: 400 },
      { entry: large.entries[1], bytes: 400 },
    ]);
    expect(await storedIds(get().store, key)).toHaveLength(11);
  });

  test('sender, id and payload count, to the byte', async () => {
    const key = newPeer();
    const limits = { ...LIMITS, bytes: 100 };
    expect((await store(key, [message(1, 'ü', 60), message(2, 'a', 40)], limits)).evicted).toEqual([]);
    expect((await store(key, [message(3, 'b', 9)], limits)).evicted).toHaveLength(1);
  });

  test('a message over the byte cap is not stored, nor is what follows it; nothing is evicted for it', async () => {
    const key = newPeer();
    const limits = { ...LIMITS, bytes: 100 };
    await store(key, [message(1, 'a', 90)], limits);
    const reply = await store(key, [message(2, 'a', 10), message(3, 'a', 101), message(4)], limits);
    expect(reply).toMatchObject({ count: 1, evicted: [] });
    expect(await storedIds(get().store, key)).toEqual([1, 2]);
  });

  test('a write larger than the mailbox keeps its newest part', async () => {
    const key = newPeer();
    const { count, entries, evicted } = await store(key, messages(25), { ...LIMITS, messages: 10 });
    expect([count, entries.length, evicted.length]).toEqual([25, 25, 15]);
    expect(evicted.map(({ entry }) => entry)).toEqual(entries.slice(0, 15));
    expect(await storedIds(get().store, key)).toEqual(Array.from({ length: 10 }, (_, index) => index + 16));
  });

  test('the owner never evicts: it stores what fits, from the front', async () => {
    const key = newPeer();
    const online = await register(get().store, key);
    const writer = newWriter(online.node);
    const limits = { ...LIMITS, messages: 3, bytes: 1000 };
    const append = (list: ReturnType<typeof messages>) =>
      get().store.mailbox.append(key, online, writer(), list, limits, null);
    expect(await append(messages(5))).toMatchObject({ count: 3, evicted: [] });
    expect(await append(messages(1))).toMatchObject({ count: 0, entries: [], evicted: [] });
    const oldest = (await readAll(get().store, key)).slice(0, 1).map(({ entry }) => entry);
    const { removed } = of('removed', await get().store.mailbox.remove(key, oldest));
    expect(removed).toHaveLength(1);
    expect(await append([message(9, 'a', 20)])).toMatchObject({ count: 1 });
    expect(await storedIds(get().store, key)).toEqual([2, 3, 9]);
  });

  test('a peer that has just gone has a full mailbox; after 2 s the cap evicts', async () => {
    const key = newPeer();
    const limits = { ...LIMITS, messages: 2 };
    const online = await register(get().store, key);
    await leave(get().store, key, online);
    expect(await store(key, messages(3), limits)).toMatchObject({ count: 2, evicted: [] });
    expect(await store(key, messages(1), limits)).toMatchObject({ count: 0, evicted: [] });
    await get().advance(2000);
    const reply = await store(key, messages(1), limits);
    expect(reply).toMatchObject({ count: 1 });
    expect(reply.evicted).toHaveLength(1);
  });

  test('just gone holds also when the reservation ends at once', async () => {
    const key = newPeer();
    const limits = { ...LIMITS, messages: 1 };
    const online = await register(get().store, key, { ttlMs: 20 });
    await get().advance(30);
    await leave(get().store, key, online);
    await get().advance(10);
    expect(await store(key, messages(2), limits)).toMatchObject({ count: 1, evicted: [] });
  });
}
