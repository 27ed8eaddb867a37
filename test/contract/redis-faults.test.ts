import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { MailboxId, Store } from '../../services/relay/src/core/ports.ts';
import { type RedisDeployment, startRedis } from '../kit/redis.ts';
import { within } from '../kit/wait.ts';
import { LIMITS, messages, newNode, newPeer, newWriter, of, register } from './fixtures.ts';
import { connectTo, untilHealthy } from './implementation.ts';
import { envelope, read, sender } from './link-traffic.ts';

/** Bounds a test that fails; commands end after a second or so. */
const BOUND_MS = 10_000;

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

test('a store that cannot be reached is unavailable, at once and without a queue', async () => {
  const absent = connectTo('redis://127.0.0.1:1');
  const replies = await Promise.all([absent.membership.leave(newNode()), absent.health.check()]);
  expect(replies).toEqual([0, 1].map(() => ({ kind: 'unavailable', reason: 'no connection' })));
  await absent.close();
});

test('a server that hangs makes commands time out; afterwards they work again', async () => {
  await server().kill('SIGSTOP');
  const replies = await within(
    Promise.all([1, 2, 3].map(() => store.membership.leave(newNode()))),
    BOUND_MS,
    () => 'replies',
  );
  for (const reply of replies) expect(reply).toEqual({ kind: 'unavailable', reason: 'timeout' });
  await server().kill('SIGCONT');
  await untilHealthy(store);
});

test('a server that was restarted empty is used again, and the inbox is read on', async () => {
  const node = newNode();
  await store.inbox.open(node);
  const { until, texts } = read(store, node);
  await sender(store, node)();
  await until('1');
  await server().restart();
  await untilHealthy(store);
  expect(await store.links.append(envelope(newNode(), node, 1))).toEqual({ kind: 'missing' });
  expect(await store.inbox.open(node)).toEqual({ kind: 'opened', created: true });
  const send = sender(store, node);
  await send();
  await send();
  await until('2');
  expect(texts()).toEqual(['1', '1', '2']);
});

test('when the last id has gone back, the cursor does, and entries come again', async () => {
  const node = newNode();
  const inboxKey = `cw:{n:${node}}:inbox`;
  await store.inbox.open(node);
  const { until, texts } = read(store, node);
  // As of a primary whose clock was ahead.
  await server().client.xadd(inboxKey, '9999999999999-0', 'e', 'ahead');
  await until('ahead');
  await server().client.del(inboxKey);
  const send = sender(store, node);
  await send();
  await server().client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await until('1');
  expect(texts()).toEqual(['ahead', '1']);
});

test('a reader that reconnects goes on behind what it has handed over', async () => {
  const node = newNode();
  await store.inbox.open(node);
  const { until, texts } = read(store, node);
  const send = sender(store, node);
  for (let count = 1; count <= 5; count++) {
    await send();
    await until(String(count));
    await server().client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  }
  await send();
  await until('6');
  expect(texts()).toEqual(['1', '2', '3', '4', '5', '6']);
});

test('without memory writes are refused whole, while leases, reads and removals go on', async () => {
  const key = newPeer();
  const online = await register(store, key);
  const writer = newWriter(online.node);
  const first = await store.mailbox.append(key, online, writer(), messages(3), LIMITS, null);
  const { entries } = of('stored', first);
  await server().client.config('SET', 'maxmemory', '1');
  const refused = { kind: 'unavailable', reason: 'OOM', refused: true };
  const once = writer();
  try {
    expect(await store.mailbox.append(key, online, once, messages(1), LIMITS, null)).toEqual(refused);
    expect(await store.directory.refresh(key, online, 60_000)).toMatchObject({ kind: 'refreshed' });
    expect(of('entries', await store.mailbox.read(key, '', 10, 1000, 60_000)).entries).toHaveLength(3);
    expect(of('removed', await store.mailbox.remove(key, entries.slice(0, 1))).removed).toHaveLength(1);
    const record = { node: online.node, region: '', url: '', connections: 1, state: 'live' } as const;
    expect(await store.membership.renew(record, 5000)).toMatchObject({ kind: 'renewed' });
  } finally {
    await server().client.config('SET', 'maxmemory', '0');
  }
  const limits = { ...LIMITS, messages: 3 };
  expect(await store.mailbox.append(key, online, once, messages(2), limits, null)).toMatchObject({ count: 1 });
});

test('a server that evicts keys is not healthy', async () => {
  await server().client.config('SET', 'maxmemory-policy', 'allkeys-lru');
  const check = await store.health.check();
  await server().client.config('SET', 'maxmemory-policy', 'noeviction');
  expect(check).toEqual({ kind: 'unhealthy', reason: expect.stringContaining('set it to noeviction') });
});

test('an append to an inbox costs five commands inside of Redis', async () => {
  const node = newNode();
  await store.inbox.open(node);
  const send = sender(store, node);
  await send();
  await server().client.config('RESETSTAT');
  await send();
  const stats = await server().client.info('commandstats');
  const calls = Array.from(stats.matchAll(/cmdstat_(\w+):calls=(\d+)/g), ([, name, count]) => [name, Number(count)]);
  const inner = Object.fromEntries(calls.filter(([name]) => !/eval|config|info|ping|xread/.test(String(name))));
  expect(inner).toEqual({ hmget: 1, hget: 1, xadd: 1, hset: 1, hincrby: 1 });
});

test('a clock that lags behind does not give lower ids', async () => {
  const key = newPeer();
  const storeTwo = () => store.directory.locateOrStore(key, newWriter()(), messages(2), LIMITS);
  await storeTwo();
  await server().client.hset(`cw:{p:${key}}:mbox:meta`, 'last', '9999999999999-5');
  expect(await storeTwo()).toMatchObject({ entries: ['9999999999999-6', '9999999999999-7'] });
  expect(await storeTwo()).toMatchObject({ entries: ['9999999999999-8', '9999999999999-9'] });
});

test('a reader that is ahead of a mailbox gets all of it again, and what comes then has higher ids', async () => {
  const key = newPeer();
  const writer = newWriter();
  const storeOne = () => store.directory.locateOrStore(key, writer(), messages(1), LIMITS);
  const ahead = '9999999999999-5' as MailboxId;
  const readOn = async () =>
    of('entries', await store.mailbox.read(key, ahead, 10, 1e6, LIMITS.ttlMs)).entries.map(({ entry }) => entry);
  const [first, second] = [of('stored', await storeOne()).entries, of('stored', await storeOne()).entries];
  expect(await readOn()).toEqual([...first, ...second]);
  expect(await readOn()).toEqual([]);
  expect(await storeOne()).toMatchObject({ entries: ['9999999999999-6'] });
  expect(await readOn()).toEqual(['9999999999999-6']);
});

test('of the writers to a mailbox 64 are remembered', async () => {
  const key = newPeer();
  for (let count = 0; count < 70; count++) {
    await store.directory.locateOrStore(key, newWriter()(), messages(1), LIMITS);
  }
  const fields = await server().client.hkeys(`cw:{p:${key}}:mbox:meta`);
  expect(fields.filter((field) => field.startsWith('w:'))).toHaveLength(64);
});

test('a mailbox leaves nothing behind: every key has an end', async () => {
  const key = newPeer();
  const online = await register(store, key);
  const final = { seen: '' as const };
  await store.mailbox.append(key, online, newWriter(online.node)(), messages(2), LIMITS, final);
  await store.presence.watch(key, newNode(), 1000);
  const keys = await server().client.keys(`cw:{p:${key}}:*`);
  expect(keys).toHaveLength(7);
  for (const one of keys) expect(await server().client.pttl(one)).toBeGreaterThan(0);
});
