import type { PeerId } from '@causeway/protocol';
import { expect, test } from 'vitest';
import type { MailboxId } from '../../services/relay/src/core/ports.ts';
import { HOUR, LIMITS, message, messages, newPeer, newWriter, of, readAll, register, storedIds } from './fixtures.ts';
import type { Implementation } from './implementation.ts';

export function mailboxContract(get: () => Implementation): void {
  const mailbox = () => get().store.mailbox;
  const directory = () => get().store.directory;

  async function store(key: ReturnType<typeof newPeer>, list: ReturnType<typeof messages>, limits = LIMITS) {
    return of('stored', await directory().locateOrStore(key, newWriter()(), list, limits));
  }

  test('what is stored is read back byte for byte, in order', async () => {
    const key = newPeer();
    const all = [
      { id: 1, from: 'a' as PeerId, payload: Uint8Array.from({ length: 256 }, (_, byte) => byte), again: false },
      { id: 2n ** 64n - 1n, from: 'ü{}/:\u{1f980}' as PeerId, payload: new Uint8Array(0), again: true },
      { id: 2n ** 53n, from: 'a' as PeerId, payload: new Uint8Array(65_536).fill(0xff), again: false },
      { id: 0, from: 'b' as PeerId, payload: new TextEncoder().encode('\r\n$-1\r\n'), again: true },
    ];
    const { entries } = await store(key, all);
    const read = await readAll(get().store, key);
    expect(read.map((one) => ({ ...one, payload: [...one.payload] }))).toEqual(
      all.map((one, index) => ({ ...one, payload: [...one.payload], entry: entries[index] })),
    );
  });

  test('ids of one write are consecutive, and those of later writes are higher', async () => {
    const key = newPeer();
    const ids = [];
    for (let write = 0; write < 3; write++) {
      const { entries } = await store(key, messages(4));
      const parts = entries.map((entry) => entry.split('-').map(Number));
      const [ms, n = 0] = parts[0] ?? [];
      expect(parts).toEqual([0, 1, 2, 3].map((offset) => [ms, n + offset]));
      ids.push(...entries);
    }
    expect((await readAll(get().store, key)).map(({ entry }) => entry)).toEqual(ids);
    expect(new Set(ids).size).toBe(12);
  });

  test('ids stay higher than those of removed entries', async () => {
    const key = newPeer();
    const { entries } = await store(key, messages(500));
    await mailbox().remove(key, entries);
    const next = await store(key, messages(1));
    const value = (id: MailboxId | undefined) => (id ?? '').split('-').map(Number) as [number, number];
    const [[lastMs, lastN], [ms, n]] = [value(entries.at(-1)), value(next.entries[0])];
    expect(ms > lastMs || (ms === lastMs && n > lastN)).toBe(true);
  });

  test('a repeated or older write of a node stores nothing and gets the recorded answer', async () => {
    const key = newPeer();
    const writer = newWriter();
    const [first, second] = [writer(), writer()];
    await directory().locateOrStore(key, first, messages(2), LIMITS);
    const answer = await directory().locateOrStore(key, second, messages(3), LIMITS);
    expect(await directory().locateOrStore(key, second, messages(3), LIMITS)).toEqual(answer);
    expect(await directory().locateOrStore(key, first, messages(2), LIMITS)).toEqual(answer);
    await store(key, messages(1));
    expect(await storedIds(get().store, key)).toEqual([1, 2, 1, 2, 3, 1]);
  });

  test('a write that took effect while the peer was offline is not located afterwards', async () => {
    const key = newPeer();
    const once = newWriter()();
    const answer = await directory().locateOrStore(key, once, messages(1), LIMITS);
    const online = await register(get().store, key);
    expect(online.queued).toBe(1);
    expect(await directory().locateOrStore(key, once, messages(1), LIMITS)).toEqual(answer);
  });

  test('a repeated write of the owner stores nothing', async () => {
    const key = newPeer();
    const online = await register(get().store, key);
    const once = newWriter(online.node)();
    const answer = await mailbox().append(key, online, once, messages(2), LIMITS, null);
    expect(await mailbox().append(key, online, once, messages(2), LIMITS, null)).toEqual(answer);
    expect(answer).toMatchObject({ kind: 'stored', count: 2, evicted: [], handedOver: null });
    expect(await storedIds(get().store, key)).toEqual([1, 2]);
  });

  test('an evicting write is recorded with what it evicted', async () => {
    const key = newPeer();
    const limits = { ...LIMITS, messages: 2 };
    await store(key, messages(2), limits);
    const once = newWriter()();
    const answer = of('stored', await directory().locateOrStore(key, once, messages(1), limits));
    expect(answer.evicted).toHaveLength(1);
    expect(await directory().locateOrStore(key, once, messages(1), limits)).toEqual(answer);
  });

  test('more writers than are remembered do not disturb the newest', async () => {
    const key = newPeer();
    for (let count = 0; count < 70; count++) await store(key, messages(1));
    const once = newWriter()();
    const answer = await directory().locateOrStore(key, once, messages(1), LIMITS);
    expect(await directory().locateOrStore(key, once, messages(1), LIMITS)).toEqual(answer);
    expect(await storedIds(get().store, key)).toHaveLength(71);
  });

  test('reads go on behind an entry, by count and by bytes', async () => {
    const key = newPeer();
    const { entries } = await store(key, messages(100, 'a', 50));
    const read = async (after: MailboxId | '', count: number, bytes: number) =>
      of('entries', await mailbox().read(key, after, count, bytes, HOUR)).entries.map(({ id }) => id);
    expect(await read('', 3, 10_000)).toEqual([1, 2, 3]);
    expect(await read(entries[2] as MailboxId, 2, 10_000)).toEqual([4, 5]);
    expect(await read('', 100, 0)).toEqual([1]);
    expect(await read('', 100, 1)).toEqual([1]);
    expect(await read('', 100, 50)).toEqual([1]);
    expect(await read('', 100, 51)).toEqual([1, 2]);
    expect(await read('', 100, 40 * 50)).toHaveLength(40);
    expect(await read(entries[1] as MailboxId, 1000, 100_000)).toHaveLength(98);
    expect(await read(entries[99] as MailboxId, 10, 10_000)).toEqual([]);
    await mailbox().remove(key, entries.slice(0, 50));
    expect(await read(entries[10] as MailboxId, 1, 10_000)).toEqual([51]);
  });

  test('a removal answers what was there, once, with its bytes', async () => {
    const key = newPeer();
    const { entries } = await store(key, [message(1, 'a', 30), message(2, 'bcd', 40), message(3, 'a', 50)]);
    const [first, second, third] = entries as [MailboxId, MailboxId, MailboxId];
    const removed = [
      { entry: third, bytes: 50 },
      { entry: first, bytes: 30 },
    ];
    const unknown = '1-1' as MailboxId;
    expect(await mailbox().remove(key, [third, unknown, first])).toEqual({ kind: 'removed', removed });
    expect(await mailbox().remove(key, [third, first])).toEqual({ kind: 'removed', removed: [] });
    expect(await mailbox().remove(key, [])).toEqual({ kind: 'removed', removed: [] });
    expect(await storedIds(get().store, key)).toEqual([2]);
    expect((await mailbox().remove(key, [second])).kind).toBe('removed');
    expect(await storedIds(get().store, key)).toEqual([]);
  });

  test('an entry expires after its ttl and frees its room; younger ones stay', async () => {
    const key = newPeer();
    const limits = { messages: 2, bytes: 1000, ttlMs: 200 };
    await store(key, [message(1)], limits);
    await get().advance(120);
    await store(key, [message(2)], limits);
    await get().advance(100);
    expect(await storedIds(get().store, key, 200)).toEqual([2]);
    expect((await store(key, [message(3)], limits)).evicted).toEqual([]);
    expect((await register(get().store, key, { mailboxTtlMs: 200 })).queued).toBe(2);
    await get().advance(220);
    expect((await register(get().store, key, { mailboxTtlMs: 200 })).queued).toBe(0);
    expect(await storedIds(get().store, key, HOUR)).toEqual([]);
  });

  test('a large mailbox that has expired as a whole is empty at once', async () => {
    const key = newPeer();
    const limits = { ...LIMITS, messages: 5000, ttlMs: 100 };
    await store(key, messages(2500), limits);
    await get().advance(110);
    expect((await register(get().store, key, { mailboxTtlMs: 100 })).queued).toBe(0);
  });

  test('the bytes of what a read finds expired are free', async () => {
    const key = newPeer();
    const limits = { messages: 10, bytes: 100, ttlMs: 200 };
    await store(key, [message(1, 'a', 60)], limits);
    await get().advance(120);
    await store(key, [message(2, 'a', 20)], limits);
    await get().advance(100);
    expect(await storedIds(get().store, key, 200)).toEqual([2]);
    const online = await register(get().store, key, { mailboxTtlMs: HOUR });
    const longer = { ...limits, ttlMs: HOUR };
    const append = (bytes: number, sequence: number) =>
      get().store.mailbox.append(key, online, { node: online.node, sequence }, [message(3, 'b', bytes)], longer, null);
    expect(await append(81, 1)).toMatchObject({ count: 0 });
    expect(await append(80, 2)).toMatchObject({ count: 1 });
  });

  test('an owner frees room by expiry before it says full', async () => {
    const key = newPeer();
    const limits = { messages: 1, bytes: 1000, ttlMs: 60 };
    const online = await register(get().store, key);
    const writer = newWriter(online.node);
    const append = (id: number) => mailbox().append(key, online, writer(), [message(id)], limits, null);
    expect(await append(1)).toMatchObject({ count: 1 });
    await get().advance(70);
    expect(await append(2)).toMatchObject({ count: 1 });
  });
}
