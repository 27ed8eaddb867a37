import { CloseCode } from '@causeway/protocol';
import { expect, test } from 'vitest';
import type { RawPeer } from '../../kit/peer.ts';
import { peerId } from '../../kit/peer.ts';
import { startRedisCluster } from '../../kit/redis.ts';
import { outcomes, range, useCluster } from '../fixture.ts';
import { useOperator } from './fixture.ts';

const RELAYS = 3;

const cluster = useCluster({ relays: RELAYS, startRedis: () => startRedisCluster() });
const { setCaps, untilHeld } = useOperator(() => cluster.redis);

/** Those of the peers who were welcomed, when all come at once, to the relays in turn. */
async function come(realm: string, names: readonly string[]): Promise<RawPeer[]> {
  const welcomed = await Promise.all(
    names.map(async (name, index) => {
      const peer = await cluster.connect(index % RELAYS);
      peer.sendHello({ realm, peer: name });
      const isIn = await Promise.race([peer.next('welcome').then(() => true), refusal(peer).then(() => false)]);
      return isIn ? peer : null;
    }),
  );
  return welcomed.filter((peer) => peer !== null);
}

async function refusal(peer: RawPeer): Promise<void> {
  const { code, retryAfterMs = 0 } = await peer.next('error');
  expect([code, retryAfterMs > 0, (await peer.closed).code]).toEqual(['server_full', true, CloseCode.busy]);
}

const names = (count: number, prefix = 'peer') => range(1, count).map((number) => `${prefix}${number}`);

test('of 50 connections at once at three relays as many are welcomed as the cap allows', async () => {
  await setCaps(cluster.relays, 'rush', { connections: 20 });
  const before = await cluster.total('causeway_drops_total', { reason: 'realm_connections' });
  const inside = await come('rush', names(50));
  expect(inside).toHaveLength(20);
  expect(await cluster.total('causeway_drops_total', { reason: 'realm_connections' })).toBe(before + 30);
  await Promise.all(inside.slice(0, 7).map((peer) => peer.close()));
  await untilHeld('rush', 'connections', 13);
  expect(await come('rush', names(50, 'late'))).toHaveLength(7);
});

test('a realm without a cap goes on beside one that is full', async () => {
  await setCaps(cluster.relays, 'full', { connections: 1 });
  expect(await come('full', names(5))).toHaveLength(1);
  expect(await come('free', names(30))).toHaveLength(30);
});

test('a cap that is set while peers are connected counts them, and follows each change', async () => {
  expect(await come('live', names(12))).toHaveLength(12);
  await setCaps(cluster.relays, 'live', { connections: 15 });
  await untilHeld('live', 'connections', 12);
  expect(await come('live', names(10, 'second'))).toHaveLength(3);
  await setCaps(cluster.relays, 'live', { connections: 5 });
  expect(await come('live', names(3, 'third'))).toHaveLength(0);
  await setCaps(cluster.relays, 'live', { connections: 17 });
  expect(await come('live', names(6, 'fourth'))).toHaveLength(2);
  await setCaps(cluster.relays, 'live', { connections: null });
  expect(await come('live', names(20, 'fifth'))).toHaveLength(20);
});

test('reservations outlive their connections, and are capped over all relays', async () => {
  await setCaps(cluster.relays, 'booked', { reservations: 12 });
  const inside = await come('booked', names(40));
  expect(inside).toHaveLength(12);
  await Promise.all(inside.map((peer) => peer.close()));
  expect(await come('booked', names(5, 'other'))).toHaveLength(0);
  const welcomed = await come('booked', names(40));
  expect(welcomed).toHaveLength(12);
});

test('peers that the realm has no room to watch are not watched, until it has', async () => {
  await setCaps(cluster.relays, 'eyes', { watched: 10 });
  const watchers = await Promise.all(range(0, 2).map((at) => cluster.join(at, { realm: 'eyes', peer: `eye${at}` })));
  const [first, second, third] = watchers as [RawPeer, RawPeer, RawPeer];
  const watch = (peer: RawPeer, count: number) =>
    peer.send({ type: 'watch', peers: names(count, 'x').map((name) => peerId(name)) });
  for (const peer of [first, second]) {
    watch(peer, 5);
    for (const _ of range(1, 5)) await peer.next('presence');
  }
  watch(third, 1);
  expect(await third.next('throttle')).toMatchObject({ scope: 'realm' });
  expect(third.take('presence')).toEqual([]);
  first.send({ type: 'unwatch', peers: [peerId('x5')] });
  await untilHeld('eyes', 'watched', 9);
  watch(third, 1);
  expect(await third.next('presence')).toMatchObject({ peer: 'x1', online: false });
  await Promise.all(watchers.map((peer) => peer.close()));
  await untilHeld('eyes', 'watched', 0);
});

test('the mailboxes of a realm hold as many bytes as its policy says, as it says now', async () => {
  await setCaps(cluster.relays, 'post', { mailboxBytes: 10_000 });
  const alice = await cluster.join(0, { realm: 'post', peer: 'alice' });
  const send = (to: string, flags = 0) => outcomes(alice, alice.message(to, Buffer.alloc(4000), { flags }));
  expect([await send('a'), await send('b'), await send('c')]).toEqual([['queued'], ['queued'], ['overloaded']]);
  await setCaps(cluster.relays, 'post', { mailboxBytes: 100_000 });
  expect(await send('d')).toEqual(['queued']);
});
