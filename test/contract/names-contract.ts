import type { PeerId, RealmName } from '@causeway/protocol';
import { asPeerId } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { peerKey } from '../../services/relay/src/core/address.ts';
import { LIMITS, leave, message, newNode, newRealm, newWriter, register, storedIds } from './fixtures.ts';
import type { Implementation } from './implementation.ts';

const NAMES = [
  'plain',
  '}',
  '{',
  '{}',
  '}{',
  'a}b{c}',
  'x}:mbox',
  'x}:loc',
  'x',
  'x:mbox',
  'a/b',
  '/',
  ' ',
  '*',
  '\u{1f980}',
  'é',
  'e\u0301',
  '\ufeffbom',
  '}'.repeat(128),
  '-',
  '0',
  'false',
];

export function namesContract(get: () => Implementation): void {
  test.each(NAMES)('a peer called %j registers, stores, watches and leaves', async (name) => {
    const peer = asPeerId(name) as PeerId;
    expect(peer).not.toBeNull();
    const { directory, presence } = get().store;
    const key = peerKey(newRealm(), peer);
    await presence.watch(key, newNode(), 60_000);
    await directory.locateOrStore(key, newWriter()(), [message(1, name, 400)], LIMITS);
    const online = await register(get().store, key);
    expect(online).toMatchObject({ queued: 1, watchers: [expect.any(String)] });
    expect(await directory.refresh(key, online, 1000)).toMatchObject({ kind: 'refreshed' });
    await leave(get().store, key, online);
    expect(await storedIds(get().store, key)).toEqual([1]);
  });

  test('no two peers share anything', async () => {
    const realm = newRealm();
    const keys = [
      ...NAMES.map((name) => peerKey(realm, name as PeerId)),
      ...['a.b', 'a', 'a-b', 'a.b.c'].map((suffix) => peerKey(`${realm}.${suffix}` as RealmName, 'x' as PeerId)),
    ];
    for (const [index, key] of keys.entries()) {
      const list = [message(index + 1)];
      await get().store.directory.locateOrStore(key, newWriter()(), list, LIMITS);
    }
    for (const [index, key] of keys.entries()) expect(await storedIds(get().store, key)).toEqual([index + 1]);
  });

  test('a sender’s name is data: senders with like names are told apart', async () => {
    const key = peerKey(newRealm(), 'peer' as PeerId);
    const limits = { ...LIMITS, messages: 6 };
    const send = (from: string, ids: number[]) =>
      get().store.directory.locateOrStore(
        key,
        newWriter()(),
        ids.map((id) => message(id, from, 400)),
        limits,
      );
    await send('ab', [1]);
    await send('a', [2, 3, 4]);
    await send('a b', [5]);
    await send('a}', [6]);
    await send('z', [7]);
    expect(await storedIds(get().store, key)).toEqual([1, 3, 4, 5, 6, 7]);
  });
}
