import type { NodeId, RealmName } from '@causeway/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Store } from '../../services/relay/src/core/ports.ts';
import { startProxy } from '../kit/proxy.ts';
import { type RedisDeployment, startRedis } from '../kit/redis.ts';
import { createRng } from '../kit/rng.ts';
import { waitFor } from '../kit/wait.ts';
import { HOUR, newNode, newPeer, newRealm, of } from './fixtures.ts';
import { connectTo, untilHealthy } from './implementation.ts';
import { readTunnels, taken, tunnelSender } from './tunnel-traffic.ts';

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

async function opensNode(): Promise<NodeId> {
  const node = newNode();
  of('opened', await store.inbox.open(node));
  return node;
}

const keyOf = (node: NodeId, name: string) => `cw:{n:${node}}:${name}`;
const cutConnections = () => server().client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
const waiting = async (node: NodeId) => [
  await server().client.xlen(keyOf(node, 'tunnels')),
  await server().client.hget(keyOf(node, 'state'), 'tbytes'),
];
const untilTrimmed = (node: NodeId) =>
  waitFor(async () => (await waiting(node)).join() === '0,0', { what: 'what was handed over is removed' });

test('an append whose answer was cut may have been taken, and those behind it are', async () => {
  const proxy = await startProxy({ target: { port: server().port } });
  const behind = connectTo(`redis://${proxy.host}:${proxy.port}`);
  try {
    await untilHealthy(behind);
    const node = await opensNode();
    const append = tunnelSender(behind, node);
    expect(await append(1)).toEqual({ kind: 'ok' });
    proxy.cutReplies({ probability: 1, rng: createRng(1), times: 1 });
    expect(await append(2)).toMatchObject({ kind: 'unavailable' });
    await untilHealthy(behind);
    for (const number of [2, 3]) expect(await append(number)).toEqual({ kind: 'ok' });
    const { until, numbers } = readTunnels(store, node);
    await until(4);
    expect(numbers()).toEqual([1, 2, 2, 3]);
  } finally {
    await behind.close();
    await proxy.stop();
  }
});

test('a server that was restarted empty takes nothing for a node before that is opened again', async () => {
  const node = await opensNode();
  const append = tunnelSender(store, node);
  const { until, numbers } = readTunnels(store, node);
  await append(1);
  await until(1);
  await server().restart();
  await untilHealthy(store);
  expect(await append(2)).toEqual({ kind: 'missing' });
  await store.inbox.open(node);
  await taken(() => append(3));
  await until(2);
  expect(numbers()).toEqual([1, 3]);
});

test('a reader that reconnects goes on behind what it has handed over', async () => {
  const node = await opensNode();
  const append = tunnelSender(store, node);
  const { until, numbers } = readTunnels(store, node);
  for (let sequence = 1; sequence <= 5; sequence++) {
    await taken(() => append(sequence));
    await until(sequence);
    await cutConnections();
  }
  await taken(() => append(6));
  await until(6);
  expect(numbers()).toEqual([1, 2, 3, 4, 5, 6]);
  await untilTrimmed(node);
});

test('when the last id has gone back, the cursor of the tunnels does, and nothing is missed', async () => {
  const node = await opensNode();
  const { until, texts } = readTunnels(store, node);
  // As of a primary whose clock was ahead.
  await server().client.xadd(keyOf(node, 'tunnels'), '9999999999999-0', 'e', 'ahead');
  await until(1);
  await untilTrimmed(node);
  await server().client.del(keyOf(node, 'tunnels'));
  await tunnelSender(store, node)(1);
  await cutConnections();
  await until(2);
  expect(texts().map((text) => text.split(' ').at(-1))).toEqual(['ahead', '1']);
});

test('what was handed over is removed by many, not one by one, and leaves the account', async () => {
  const removals: boolean[] = [];
  const reading = connectTo(redis.url, { onCommand: (name, _, ok) => name === 'tunnelTrim' && removals.push(ok) });
  const node = await opensNode();
  const append = tunnelSender(store, node);
  for (let sequence = 1; sequence <= 200; sequence++) await append(sequence);
  const { until, batches, envelopes } = readTunnels(reading, node);
  await until(200);
  await untilTrimmed(node);
  await reading.close();
  expect(Math.max(...batches)).toBeLessThan(50);
  expect(envelopes).toHaveLength(200);
  expect(removals.length).toBeGreaterThan(0);
  expect(removals.length).toBeLessThan(batches.length);
});

test('a removal without an answer is repeated until it has one', async () => {
  const proxy = await startProxy({ target: { port: server().port } });
  const trims: boolean[] = [];
  const onCommand = (name: string, _: number, ok: boolean) => name === 'tunnelTrim' && trims.push(ok);
  const reading = connectTo(`redis://${proxy.host}:${proxy.port}`, { onCommand });
  try {
    await untilHealthy(reading);
    const node = await opensNode();
    const append = tunnelSender(store, node);
    await append(1);
    let handed = 0;
    reading.tunnels.start(node, () => {
      handed += 1;
      // The removal is sent after this.
      if (handed === 1) proxy.pause('replies');
    });
    await untilTrimmed(node);
    await append(2);
    proxy.cutAll();
    proxy.resume('replies');
    await untilTrimmed(node);
    await waitFor(() => trims.length >= 3, { what: 'the removals are answered' });
    expect([handed, trims[0], trims.slice(-2)]).toEqual([2, false, [true, true]]);
  } finally {
    await reading.close();
    await proxy.stop();
  }
});

test('bytes are counted by many appends together, and the count ends with what was handed over', async () => {
  const counts: boolean[] = [];
  const counting = connectTo(redis.url, { onCommand: (name, _, ok) => name === 'tunnelAccount' && counts.push(ok) });
  await untilHealthy(counting);
  const node = await opensNode();
  const append = tunnelSender(counting, node);
  for (let number = 1; number <= 100; number++) expect(await append(number, 10_000)).toEqual({ kind: 'ok' });
  // Once to open the stream, and at most once for each 512 KiB; less than that is not counted yet.
  const counted = async () => Number((await waiting(node))[1]);
  await waitFor(async () => (await counted()) > 1_000_000 - 524_288, { what: 'what was added is counted' });
  expect(counts.length).toBe(2);
  readTunnels(store, node);
  await untilTrimmed(node);
  await counting.close();
});

test('the account of an empty stream holds nothing, whatever it says', async () => {
  const node = await opensNode();
  const append = tunnelSender(store, node, { maxBytes: 1000 });
  await server().client.hset(keyOf(node, 'state'), 'tbytes', 5000);
  expect(await append(1)).toEqual({ kind: 'ok' });
  expect(await tunnelSender(store, node, { maxBytes: 1000 })(1)).toEqual({ kind: 'full' });
  // As after a failover that has forgotten a removal.
  await server().client.hset(keyOf(node, 'state'), 'tbytes', 5000);
  readTunnels(store, node);
  await untilTrimmed(node);
});

test('a stream with little traffic is kept, as long as it is read', async () => {
  const node = await opensNode();
  const append = tunnelSender(store, node);
  await append(1);
  await server().client.pexpire(keyOf(node, 'tunnels'), 60_000);
  const { until } = readTunnels(store, node);
  await append(2);
  await until(2);
  await untilTrimmed(node);
  expect(await server().client.pttl(keyOf(node, 'tunnels'))).toBeGreaterThan(HOUR / 2);
});

test('nothing is left in Redis of what is added for a node that is gone', async () => {
  const node = await opensNode();
  const append = tunnelSender(store, node);
  await append(1);
  await store.inbox.remove(node);
  for (const number of [2, 3]) expect(await append(number)).toEqual({ kind: 'gone' });
  expect(await server().client.keys(keyOf(node, '*'))).toEqual([keyOf(node, 'state')]);
});

test('without memory nothing is appended for tunnels, and what is there is read and removed', async () => {
  const node = await opensNode();
  const append = tunnelSender(store, node);
  await append(1);
  await withoutMemory(async () => {
    expect(await append(2)).toEqual(REFUSED);
    const { until } = readTunnels(store, node);
    await until(1);
    await untilTrimmed(node);
  });
  expect(await append(2)).toEqual({ kind: 'ok' });
});

test('what is kept for tunnels has an end, and goes at once with the node’s inbox', async () => {
  const { reaping, inbox } = store;
  const [left, dead] = [await opensNode(), await opensNode()];
  for (const node of [left, dead]) await tunnelSender(store, node)(1);
  expect(await server().client.pttl(keyOf(left, 'tunnels'))).toBeGreaterThan(HOUR / 2);
  await inbox.remove(left);
  const { lock } = of('held', await reaping.take(dead, newNode(), HOUR));
  await reaping.finish(lock);
  for (const node of [left, dead]) {
    expect(await server().client.keys(keyOf(node, '*'))).toEqual([keyOf(node, 'state')]);
    expect(await server().client.hexists(keyOf(node, 'state'), 'tbytes')).toBe(0);
  }
});
