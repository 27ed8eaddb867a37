import { expect, test } from 'vitest';
import { leave, newNode, newPeer, of, register } from './fixtures.ts';
import type { Implementation } from './implementation.ts';

export function presenceContract(get: () => Implementation): void {
  const presence = () => get().store.presence;
  const watch = async (key: ReturnType<typeof newPeer>, node = newNode(), ttlMs = 60_000) =>
    of('state', await presence().watch(key, node, ttlMs));

  test('answers whether the peer is online, and since when', async () => {
    const key = newPeer();
    expect(await watch(key)).toEqual({ kind: 'state', online: false, at: 0, epoch: 0, node: '' });
    const online = await register(get().store, key, { ttlMs: 1000 });
    const came = await watch(key);
    const { node, epoch } = online;
    expect(came).toEqual({ kind: 'state', online: true, at: online.expiresAt - 1000, epoch, node });
    await get().advance(20);
    await leave(get().store, key, online);
    const left = await watch(key);
    expect(left).toMatchObject({ online: false, epoch, node: '' });
    expect(left.at).toBeGreaterThanOrEqual(came.at + 20);
  });

  test('a handover and a quick return are no change', async () => {
    const key = newPeer();
    const first = await register(get().store, key);
    const { at } = await watch(key);
    await get().advance(10);
    const second = await register(get().store, key);
    expect(await watch(key)).toEqual({ kind: 'state', online: true, at, epoch: second.epoch, node: second.node });
    await leave(get().store, key, first);
    await leave(get().store, key, second);
    const third = await register(get().store, key);
    expect(await watch(key)).toEqual({ kind: 'state', online: true, at, epoch: third.epoch, node: third.node });
  });

  test('watchers are told of until their time is over, repeats extend it, unwatch ends it', async () => {
    const key = newPeer();
    const [short, long, gone] = [newNode('short'), newNode('long'), newNode('gone')];
    const watchers = async () => [...(await register(get().store, key)).watchers].sort();
    await watch(key, short, 100);
    await watch(key, long, 100);
    await watch(key, gone);
    expect(await watchers()).toEqual([short, long, gone].sort());
    await watch(key, long);
    for (let repeat = 0; repeat < 2; repeat++) {
      expect(await presence().unwatch(key, gone)).toEqual({ kind: 'unwatched' });
    }
    await get().advance(110);
    expect(await watchers()).toEqual([long]);
  });

  test('a short watch does not shorten a longer one', async () => {
    const key = newPeer();
    const long = newNode('long');
    await watch(key, long);
    await watch(key, newNode('short'), 40);
    await get().advance(60);
    expect((await register(get().store, key)).watchers).toEqual([long]);
  });
}
