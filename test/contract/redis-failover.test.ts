import type { NodeId } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { type RedisDeployment, startRedisCluster, startSentinel } from '../kit/redis.ts';
import { holderOf } from '../kit/redis-holder.ts';
import { waitFor } from '../kit/wait.ts';
import { newNode } from './fixtures.ts';
import { connectTo, untilHealthy } from './implementation.ts';
import { read, sender } from './link-traffic.ts';
import { readTunnels, taken, tunnelSender } from './tunnel-traffic.ts';

/** What the store promises through a failover: everything goes on by itself, and the link fills the gap. */
async function survivesLoss(redis: RedisDeployment, lose: (node: NodeId) => Promise<void>): Promise<void> {
  const store = connectTo(redis.url);
  await untilHealthy(store);
  const node = newNode();
  await store.inbox.open(node);
  const { until, texts } = read(store, node);
  const send = sender(store, node);
  await send();
  await until('1');
  const written = { what: 'the replica has the first envelope' };
  await waitFor(async () => (await redis.info('replication')).every(inSync), written);
  await lose(node);
  await send();
  await until('2');
  expect([...new Set(texts())]).toEqual(['1', '2']);
  await untilHealthy(store);
  await store.close();
}

function inSync(info: Map<string, string>): boolean {
  const replica = info.get('slave0');
  return replica === undefined || replica.includes(`offset=${info.get('master_repl_offset')},`);
}

test.concurrent.each(['SIGKILL', 'SIGSTOP'] as const)('Sentinel: the loss of the primary by %s', async (signal) => {
  const redis = await startSentinel();
  try {
    await survivesLoss(redis, async () => redis.nodes[0]?.kill(signal));
  } finally {
    await redis.stop();
  }
});

test.concurrent.each(['SIGKILL', 'SIGSTOP'] as const)('Cluster: the loss of the primary by %s', async (signal) => {
  const redis = await startRedisCluster();
  try {
    await survivesLoss(redis, async (node) => (await holderOf(redis, `cw:{n:${node}}:state`)).kill(signal));
  } finally {
    await redis.stop();
  }
});

test.concurrent('Cluster: a replica that lacks the last entries takes over, and the reader goes back', async () => {
  const redis = await startRedisCluster();
  const store = connectTo(redis.url);
  try {
    await untilHealthy(store);
    const node = newNode();
    await store.inbox.open(node);
    const { until, texts } = read(store, node);
    const send = sender(store, node);
    await send();
    await until('1');
    await waitFor(async () => (await redis.info('replication')).every(inSync), { what: 'the replicas are in sync' });
    const primary = await holderOf(redis, `cw:{n:${node}}:state`);
    const replicas = redis.nodes.filter(({ role }) => role === 'replica');
    for (const replica of replicas) await replica.kill('SIGSTOP');
    await primary.client.call('CLIENT', 'KILL', 'TYPE', 'replica');
    // As of a primary whose clock was ahead of the replica's.
    await primary.client.xadd(`cw:{n:${node}}:inbox`, '9999999999999-0', 'e', 'lost');
    await until('lost');
    await primary.kill();
    for (const replica of replicas) await replica.kill('SIGCONT');
    await send();
    await until('2');
    expect(texts()).toEqual(['1', 'lost', '1', '2']);
  } finally {
    await store.close();
    await redis.stop();
  }
});

test.concurrent('Cluster: behind a lost tail the stream of tunnels goes on', async () => {
  const redis = await startRedisCluster();
  const store = connectTo(redis.url);
  try {
    await untilHealthy(store);
    const node = newNode();
    await store.inbox.open(node);
    const append = tunnelSender(store, node);
    const { until, numbers } = readTunnels(store, node);
    await append(1);
    await until(1);
    await waitFor(async () => (await redis.info('replication')).every(inSync), { what: 'the replicas are in sync' });
    const primary = await holderOf(redis, `cw:{n:${node}}:state`);
    const replicas = redis.nodes.filter(({ role }) => role === 'replica');
    for (const replica of replicas) await replica.kill('SIGSTOP');
    await primary.client.call('CLIENT', 'KILL', 'TYPE', 'replica');
    expect(await append(2)).toEqual({ kind: 'ok' });
    await until(2);
    await primary.kill();
    for (const replica of replicas) await replica.kill('SIGCONT');
    await taken(() => append(3));
    await waitFor(() => numbers().includes(3), { what: 'the next one is read', timeoutMs: 20_000 });
    expect([...new Set(numbers())]).toEqual([1, 2, 3]);
  } finally {
    await store.close();
    await redis.stop();
  }
});
