import { expect, test } from 'vitest';
import type { MailboxId } from '../../services/relay/src/core/ports.ts';
import {
  LIMITS,
  leave,
  message,
  messages,
  newNode,
  newPeer,
  newWriter,
  of,
  register,
  request,
  storedIds,
} from './fixtures.ts';
import type { Implementation } from './implementation.ts';

export function handoverContract(get: () => Implementation): void {
  const mailbox = () => get().store.mailbox;
  const at = (one: { node: unknown; epoch: unknown }) => ({ node: one.node, epoch: one.epoch });

  test('a final of the only owner takes the peer offline and names its watchers', async () => {
    const key = newPeer();
    const [watcher, gone] = [newNode('watcher'), newNode('gone')];
    await get().store.presence.watch(key, watcher, 60_000);
    await get().store.presence.watch(key, gone, 60_000);
    await get().store.presence.unwatch(key, gone);
    const online = await register(get().store, key);
    expect(online.watchers).toEqual([watcher]);
    expect(await leave(get().store, key, online)).toEqual({ next: null, owner: null, watchers: [watcher] });
    const found = await get().store.directory.locateOrStore(key, newWriter()(), [], LIMITS);
    expect(found).toEqual({ kind: 'stored', count: 0, entries: [], evicted: [] });
  });

  test('predecessors hand over in order; everyone else waits', async () => {
    const key = newPeer();
    const first = await register(get().store, key);
    const second = await register(get().store, key);
    const owner = await register(get().store, key);
    const write = (one: typeof first, id: number) =>
      mailbox().append(key, one, newWriter(one.node)(), [message(id)], LIMITS, { seen: '' });

    expect(await write(owner, 3)).toEqual({ kind: 'wait', head: at(first) });
    expect(await write(second, 2)).toEqual({ kind: 'wait', head: at(first) });
    expect(await write(first, 1)).toMatchObject({
      count: 1,
      handedOver: { next: at(second), owner: at(owner), watchers: [] },
    });
    expect(await write(owner, 3)).toEqual({ kind: 'wait', head: at(second) });
    expect(await write(second, 2)).toMatchObject({ handedOver: { next: at(owner), owner: at(owner), watchers: [] } });
    expect(await write(owner, 3)).toMatchObject({ handedOver: { next: null, owner: null } });
    expect(await storedIds(get().store, key)).toEqual([1, 2, 3]);
  });

  test('a registration is ended by whoever names it, in the name of a node that is dead', async () => {
    const key = newPeer();
    const [dead, owner] = [await register(get().store, key), await register(get().store, key)];
    const heir = newWriter(newNode('heir'));
    const end = (one: typeof dead) => mailbox().append(key, one, heir(), [], LIMITS, { seen: '' });
    expect(await end(dead)).toMatchObject({ count: 0, handedOver: { next: at(owner), owner: at(owner) } });
    expect(await end(dead)).toEqual({ kind: 'lost', owner: at(owner) });
    expect(await mailbox().append(key, owner, newWriter(owner.node)(), [message(1)], LIMITS, null)).toMatchObject({
      count: 1,
    });
  });

  test('a repeated final gets the recorded answer, and another one of an ended registration is lost', async () => {
    const key = newPeer();
    const [old, owner] = [await register(get().store, key), await register(get().store, key)];
    const writer = newWriter(old.node);
    const once = writer();
    const final = { seen: '' as const };
    const answer = await mailbox().append(key, old, once, [message(1)], LIMITS, final);
    expect(await mailbox().append(key, old, once, [message(1)], LIMITS, final)).toEqual(answer);
    expect(await mailbox().append(key, old, writer(), [], LIMITS, final)).toEqual({ kind: 'lost', owner: at(owner) });
    await leave(get().store, key, owner);
    expect(await mailbox().append(key, old, writer(), [], LIMITS, final)).toEqual({ kind: 'lost', owner: null });
    expect(await storedIds(get().store, key)).toEqual([1]);
  });

  test('a registration that is repeated after its end does not bring the connection back', async () => {
    const key = newPeer();
    const [one, two, three] = [request(key), request(key), request(key)];
    const all = [];
    for (const wanted of [one, two, three]) all.push(of('registered', await get().store.directory.register(wanted)));
    for (const [index, wanted] of [one, two].entries()) {
      await leave(get().store, key, { ...(all[index] as (typeof all)[number]), node: wanted.node });
      expect(await get().store.directory.register(wanted)).toEqual({ kind: 'superseded' });
    }
    expect(await get().store.directory.register(three)).toMatchObject({ epoch: all[2]?.epoch, prev: [] });
    await leave(get().store, key, { ...(all[2] as (typeof all)[number]), node: three.node });
    for (const wanted of [one, two, three]) {
      expect(await get().store.directory.register(wanted)).toEqual({ kind: 'superseded' });
    }
    expect(await register(get().store, key)).toMatchObject({ prev: [] });
  });

  test('a final whose messages do not all fit stores the first ones and ends nothing', async () => {
    const key = newPeer();
    const online = await register(get().store, key);
    const writer = newWriter(online.node);
    const limits = { ...LIMITS, messages: 2 };
    const reply = await mailbox().append(key, online, writer(), messages(3), limits, { seen: '' });
    expect(reply).toMatchObject({ kind: 'stored', count: 2, handedOver: null });
    expect(await get().store.directory.locateOrStore(key, newWriter()(), [], LIMITS)).toMatchObject({
      location: at(online),
    });
    expect(await mailbox().append(key, online, writer(), [message(3)], LIMITS, null)).toMatchObject({ count: 1 });
  });

  test('a stranger is lost, and stores nothing', async () => {
    const key = newPeer();
    const online = await register(get().store, key);
    const stranger = { node: newNode(), epoch: online.epoch };
    const reply = await mailbox().append(key, stranger, newWriter()(), messages(1), LIMITS, null);
    expect(reply).toEqual({ kind: 'lost', owner: at(online) });
    expect(await storedIds(get().store, key)).toEqual([]);
  });

  test('messages come to the owner while a handover is under way, not to the mailbox', async () => {
    const key = newPeer();
    await register(get().store, key);
    const owner = await register(get().store, key);
    const found = await get().store.directory.locateOrStore(key, newWriter()(), messages(1), LIMITS);
    expect(found).toEqual({ kind: 'located', location: at(owner) });
    expect(await storedIds(get().store, key)).toEqual([]);
  });

  test('the next registration learns how far the last connection had delivered; it never goes back', async () => {
    const key = newPeer();
    const stored = await get().store.directory.locateOrStore(key, newWriter()(), messages(3), LIMITS);
    const [first, second] = of('stored', stored).entries as [MailboxId, MailboxId, MailboxId];
    const end = async (seen: MailboxId | '') => {
      const online = await register(get().store, key);
      await mailbox().append(key, online, newWriter(online.node)(), [], LIMITS, { seen });
      return online;
    };
    expect(await end(second)).toMatchObject({ queued: 3, seen: '' });
    expect(await end(first)).toMatchObject({ queued: 3, seen: second });
    expect(await end('')).toMatchObject({ seen: second });
    expect(await end('')).toMatchObject({ seen: second });
  });
}
