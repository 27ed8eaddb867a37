import { isDeepStrictEqual } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Store } from '../../services/relay/src/core/ports.ts';
import { type RedisDeployment, type RedisNode, startRedis, startRedisCluster } from '../kit/redis.ts';
import { beginMove, endMove, primaryOf, slotOf, untilInSync } from '../kit/redis-slots.ts';
import { GiveUp, waitFor } from '../kit/wait.ts';
import { LIMITS, messages, newPeer, newWriter, of, register, storedIds } from './fixtures.ts';
import { connectTo, untilHealthy } from './implementation.ts';

const TOO_FEW = { kind: 'unavailable', reason: 'NOREPLICAS' };

let redis: RedisDeployment;
let store: Store;
beforeAll(async () => {
  redis = await startRedisCluster({ replicas: 1, nodeTimeoutMs: 30_000 });
});
afterAll(() => redis.stop());
beforeEach(async () => {
  store = connectTo(redis.url, { minReplicas: 1 });
  await untilHealthy(store);
});
afterEach(async () => {
  await signal('SIGCONT');
  await store.close();
});

const withRole = (role: RedisNode['role']) => redis.nodes.filter((node) => node.role === role);

async function signal(name: 'SIGSTOP' | 'SIGCONT'): Promise<void> {
  for (const replica of withRole('replica')) await replica.kill(name);
}

/** Repeats one write until it is answered so; whatever came before must have been a refusal. */
async function repeat(write: () => Promise<{ kind: string }>, expected: object): Promise<void> {
  await waitFor(
    async () => {
      const reply = await write();
      if (isDeepStrictEqual(reply, expected)) return true;
      if (reply.kind !== 'unavailable') throw new GiveUp(`answered ${JSON.stringify(reply)}`);
      return false;
    },
    { what: `the write is answered ${JSON.stringify(expected)}` },
  );
}

test('a message is stored when the replica has it, and not before; a repetition waits again', async () => {
  const key = newPeer();
  const writer = newWriter();
  const first = await store.directory.locateOrStore(key, writer(), messages(1), LIMITS);
  expect(first).toMatchObject({ kind: 'stored', count: 1 });
  await signal('SIGSTOP');
  const once = writer();
  const write = () => store.directory.locateOrStore(key, once, messages(2).slice(1), LIMITS);
  expect(await write()).toEqual(TOO_FEW);
  // The next connections have written nothing by themselves.
  for (const { client } of withRole('primary')) await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await repeat(write, TOO_FEW);
  await signal('SIGCONT');
  expect(await write()).toMatchObject({ kind: 'stored', count: 1 });
  expect(await storedIds(store, key)).toEqual([1, 2]);
});

test('the end of a registration counts when the replica has it', async () => {
  const key = newPeer();
  const online = await register(store, key);
  const last = newWriter(online.node)();
  await signal('SIGSTOP');
  const end = () => store.mailbox.append(key, online, last, messages(1), LIMITS, { seen: '' });
  expect(await end()).toEqual(TOO_FEW);
  await signal('SIGCONT');
  expect(of('stored', await end()).handedOver).toMatchObject({ next: null, owner: null });
  expect(await storedIds(store, key)).toEqual([1]);
});

test('what stores nothing is answered, whatever the replicas have', async () => {
  const [key, offline] = [newPeer(), newPeer()];
  await register(store, key);
  await signal('SIGSTOP');
  const second = await register(store, key);
  expect(await store.directory.locateOrStore(key, newWriter()(), messages(1), LIMITS)).toMatchObject({
    kind: 'located',
    location: { node: second.node },
  });
  const early = await store.mailbox.append(key, second, newWriter(second.node)(), messages(1), LIMITS, null);
  expect(early.kind).toBe('wait');
  expect(await store.directory.locateOrStore(offline, newWriter()(), [], LIMITS)).toMatchObject({ count: 0 });
});

test('a replica that confirms nothing, or is away, makes the store unhealthy until it is back', async () => {
  await signal('SIGSTOP');
  const check = async () => {
    const health = await store.health.check();
    return health.kind === 'unhealthy' && health.reason;
  };
  expect(await waitFor(check, { what: 'the store is unhealthy' })).toContain('CAUSEWAY_REDIS_MIN_REPLICAS asks for 1');
  await signal('SIGCONT');
  await untilHealthy(store);
});

test('many writes at once are confirmed together', async () => {
  const keys = Array.from({ length: 300 }, () => newPeer());
  for (const { client } of withRole('primary')) await client.config('RESETSTAT');
  const replies = await Promise.all(
    keys.map((key) => store.directory.locateOrStore(key, newWriter()(), messages(1), LIMITS)),
  );
  expect(replies.filter(({ kind }) => kind === 'stored')).toHaveLength(300);
  let waits = 0;
  for (const { client } of withRole('primary')) {
    waits += Number(/cmdstat_wait:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0);
  }
  expect(waits).toBeGreaterThan(0);
  expect(waits).toBeLessThan(30);
});

test('scripts that the server has forgotten are told it again', async () => {
  const key = newPeer();
  const writer = newWriter();
  expect(await store.directory.locateOrStore(key, writer(), messages(1), LIMITS)).toMatchObject({ count: 1 });
  for (const { client } of withRole('primary')) await client.script('FLUSH');
  const once = writer();
  const write = () => store.directory.locateOrStore(key, once, messages(2).slice(1), LIMITS);
  expect(await write()).toEqual({ kind: 'unavailable', reason: expect.stringContaining('NOSCRIPT') });
  expect(await write()).toMatchObject({ kind: 'stored', count: 1 });
});

test('while a slot moves, and behind it, writes go to the server that has it', async () => {
  const key = newPeer();
  const from = await primaryOf(redis.nodes, `cw:{p:${key}}:mbox`);
  const to = withRole('primary').find((node) => node !== from) as RedisNode;
  const slot = await slotOf(from, `cw:{p:${key}}:mbox`);
  await beginMove(slot, from, to);
  const writer = newWriter();
  const once = writer();
  const write = () => store.directory.locateOrStore(key, once, messages(1), LIMITS);
  // Nothing of the peer is there yet: the old server sends to the new one, which does not have all keys of the script.
  expect(await write()).toEqual({ kind: 'unavailable', reason: 'TRYAGAIN' });
  await endMove(slot, from, to);
  expect(await write()).toMatchObject({ kind: 'stored', count: 1 });
  await untilInSync(redis);
  expect(await storedIds(store, key)).toEqual([1]);
});

test('a server without replicas stores nothing', async () => {
  const alone = await startRedis();
  const strict = connectTo(alone.url, { minReplicas: 1 });
  try {
    await waitFor(async () => (await strict.health.check()).kind === 'unhealthy', { what: 'it is connected' });
    await repeat(() => strict.directory.locateOrStore(newPeer(), newWriter()(), messages(1), LIMITS), TOO_FEW);
    expect(await strict.health.check()).toMatchObject({ kind: 'unhealthy', reason: expect.stringContaining('0 repl') });
  } finally {
    await strict.close();
    await alone.stop();
  }
});
