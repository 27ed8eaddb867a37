import type { RealmName } from '@causeway/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Store } from '../../services/relay/src/core/ports.ts';
import { type RedisDeployment, startRedis } from '../kit/redis.ts';
import { HOUR, newPeer, newRealm, of } from './fixtures.ts';
import { connectTo, untilHealthy } from './implementation.ts';

let redis: RedisDeployment;
let store: Store;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  store = connectTo(redis.url);
  await untilHealthy(store);
});
afterEach(() => store.close());
const server = () => redis.nodes[0] as RedisDeployment['nodes'][number];

async function withoutMemory(check: () => Promise<void>): Promise<void> {
  await server().client.config('SET', 'maxmemory', '1');
  try {
    await check();
  } finally {
    await server().client.config('SET', 'maxmemory', '0');
  }
}

const REFUSED = { kind: 'unavailable', reason: 'OOM', refused: true };

async function opened(realm: RealmName, candidate: number, ttlMs = HOUR) {
  const { rooms } = store;
  return of('opened', await rooms.open(realm, { owner: newPeer(), ref: 1 }, [candidate], ttlMs, 1000)).room;
}

test('rooms have an end in Redis, that of the last of them; taken ones leave nothing', async () => {
  const realm = newRealm();
  const ends = () =>
    Promise.all(['rooms', 'rooms:until'].map((name) => server().client.pttl(`cw:{r:${realm}}:${name}`)));
  await opened(realm, 1, 1000);
  for (const ttl of await ends()) expect(ttl).toBeLessThanOrEqual(1000);
  await opened(realm, 2);
  await opened(realm, 3, 1000);
  for (const ttl of await ends()) expect(ttl).toBeGreaterThan(HOUR / 2);
  for (const code of ['0001', '0002', '0003']) of('taken', await store.rooms.take(realm, code));
  expect(await server().client.keys(`cw:{r:${realm}}:*`)).toEqual([]);
});

test('without memory no room is opened, and none that is open is lost', async () => {
  const realm = newRealm();
  const room = await opened(realm, 1);
  await withoutMemory(async () => {
    const another = { owner: newPeer(), ref: 2 };
    expect(await store.rooms.open(realm, another, [2], HOUR, 10)).toEqual(REFUSED);
    expect(await store.rooms.take(realm, room.code)).toEqual({ kind: 'taken', room });
    expect(await store.rooms.putBack(realm, room)).toEqual(REFUSED);
  });
  await store.rooms.putBack(realm, room);
  expect(await store.rooms.take(realm, room.code)).toEqual({ kind: 'taken', room });
});
