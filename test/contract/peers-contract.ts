import { describe, expect, test } from 'vitest';
import type { PeerKey } from '../../services/relay/src/core/address.ts';
import type { MailboxId, Removed } from '../../services/relay/src/core/ports.ts';
import { HOUR, LIMITS, leave, messages, newPeer, newWriter, of, readAll, register, storedIds } from './fixtures.ts';
import type { Implementation } from './implementation.ts';

const BUCKETS = { messages: { perSecond: 1, burst: 10 }, bytes: null };

export function peersContract(get: () => Implementation): void {
  const peers = () => get().store.peers;
  const look = async (key: PeerKey, ttlMs = HOUR) => of('looked', await peers().look(key, ttlMs)).record;
  const store = async (key: PeerKey, count: number, writer = newWriter()) =>
    of('stored', await get().store.directory.locateOrStore(key, writer(), messages(count), LIMITS));

  describe('a look', () => {
    test('at a peer of which nothing is known', async () => {
      expect(await look(newPeer())).toBeNull();
    });

    test('at one that is online, with what it carries', async () => {
      const key = newPeer('ü}{/');
      const limits = { messagesPerSecond: 5 };
      const { node, epoch, expiresAt } = await register(get().store, key, { limits });
      expect(await look(key)).toEqual({
        owner: { node, epoch },
        reservation: { expiresAt, limits },
        mailbox: { messages: 0, bytes: 0, oldestAt: null },
      });
    });

    test('at one that has left: reserved until the end of its time', async () => {
      const key = newPeer();
      const online = await register(get().store, key, { ttlMs: 300 });
      await leave(get().store, key, online);
      expect(await look(key)).toMatchObject({ owner: null, reservation: { expiresAt: online.expiresAt } });
      await get().advance(320);
      expect(await look(key)).toBeNull();
    });

    test('at a mailbox, without what has expired', async () => {
      const key = newPeer();
      const { entries } = await store(key, 3);
      const oldestAt = Number(entries[0]?.split('-')[0]);
      expect(await look(key)).toEqual({
        owner: null,
        reservation: null,
        mailbox: { messages: 3, bytes: 60, oldestAt },
      });
      await get().advance(20);
      expect(await look(key, 10)).toBeNull();
    });
  });

  describe('a purge', () => {
    test('of what is not there', async () => {
      expect(await peers().purge(newPeer(), '', 10)).toEqual({ kind: 'purged', removed: [], upTo: null });
    });

    test('goes on in parts, up to what was there at first', async () => {
      const key = newPeer();
      const writer = newWriter();
      const { entries } = await store(key, 5, writer);
      const first = of('purged', await peers().purge(key, '', 2));
      expect(first).toEqual({
        kind: 'purged',
        removed: entries.slice(0, 2).map((entry) => ({ entry, bytes: 20 })),
        upTo: entries[4],
      });
      const later = await store(key, 1, writer);
      const second = of('purged', await peers().purge(key, first.upTo as MailboxId, 10));
      expect([second.removed.map(({ entry }) => entry), second.upTo]).toEqual([entries.slice(2), null]);
      expect((await readAll(get().store, key)).map(({ entry }) => entry)).toEqual(later.entries);
      expect(await look(key)).toMatchObject({ mailbox: { messages: 1, bytes: 20 } });
    });

    test('leaves room, and ids that go on growing', async () => {
      const key = newPeer();
      const writer = newWriter();
      const before = await store(key, 2, writer);
      await peers().purge(key, '', 10);
      const after = await store(key, LIMITS.messages, writer);
      expect([after.count, after.evicted]).toEqual([LIMITS.messages, []]);
      expect(before.entries).not.toContain(after.entries[0]);
    });

    test('under an owner that reads: it finds the rest, and what it removes late is ignored', async () => {
      const key = newPeer();
      const { entries } = await store(key, 4);
      const online = await register(get().store, key);
      const read = of('entries', await get().store.mailbox.read(key, '', 2, 10_000, HOUR)).entries;
      await peers().purge(key, '', 10);
      const cursor = read.at(-1)?.entry as MailboxId;
      expect(await get().store.mailbox.read(key, cursor, 10, 10_000, HOUR)).toEqual({ kind: 'entries', entries: [] });
      expect(await get().store.mailbox.remove(key, entries)).toEqual({ kind: 'removed', removed: [] });
      const write = await get().store.mailbox.append(key, online, newWriter(online.node)(), messages(1), LIMITS, null);
      expect(of('stored', write).count).toBe(1);
      expect((await get().store.mailbox.read(key, cursor, 10, 10_000, HOUR)) as object).toMatchObject({
        entries: [{ id: 1 }],
      });
      expect(await look(key)).toMatchObject({ mailbox: { messages: 1, bytes: 20 } });
    });
  });

  describe('an erasure', () => {
    test('takes nothing from a peer that is online, or whose earlier registration has to hand over', async () => {
      const key = newPeer();
      const first = await register(get().store, key);
      expect(await peers().erase(key, 10)).toEqual({ kind: 'online' });
      const second = await register(get().store, key);
      await leave(get().store, key, first);
      expect(await peers().erase(key, 10)).toEqual({ kind: 'online' });
      await leave(get().store, key, second);
      expect(await peers().erase(key, 10)).toMatchObject({ kind: 'erased' });
    });

    test('takes everything, in parts: location, reservation, mailbox, bucket', async () => {
      const key = newPeer();
      const online = await register(get().store, key);
      await get().store.mailbox.append(key, online, newWriter(online.node)(), messages(5), LIMITS, { seen: '' });
      const { buckets } = get().store;
      await buckets.hold(key, 'someone', BUCKETS);
      await buckets.giveBack(key, 'someone', BUCKETS, { messages: 3, bytes: 0 });

      const removed: Removed[] = [];
      const kinds: string[] = [];
      for (let part = 0; part < 3; part += 1) {
        const reply = await peers().erase(key, 2);
        kinds.push(reply.kind);
        if ('removed' in reply) removed.push(...reply.removed);
      }
      expect([kinds, removed.map(({ bytes }) => bytes)]).toEqual([
        ['more', 'more', 'erased'],
        [20, 20, 20, 20, 20],
      ]);
      expect(await look(key)).toBeNull();
      expect(await storedIds(get().store, key)).toEqual([]);
      expect(of('held', await buckets.hold(key, 'another', BUCKETS)).level.messages).toBe(10);
      await get().advance(1);
      // Nobody has the reservation: another secret gets the id.
      const next = await register(get().store, key, { resumeHash: 'c'.repeat(64), sticky: true });
      expect(next).toMatchObject({ renewed: false, prev: [], queued: 0 });
      expect(next.epoch).toBeGreaterThan(online.epoch);
    });

    test('keeps who watches the peer, for when it comes back', async () => {
      const key = newPeer();
      const { node } = await register(get().store, newPeer());
      await get().store.presence.watch(key, node, HOUR);
      const online = await register(get().store, key);
      await leave(get().store, key, online);
      await peers().erase(key, 10);
      expect((await register(get().store, key)).watchers).toEqual([node]);
    });
  });
}
