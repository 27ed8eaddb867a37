import { readdir } from 'node:fs/promises';
import { loadavg } from 'node:os';
import type { RedisDeployment } from '../kit/redis.ts';
import type { Relay } from '../kit/relay.ts';

export interface NodeSample {
  /** Resident memory. */
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  /** Open file descriptors, sockets among them. */
  readonly files: number;
  /** Of clients. */
  readonly connections: number;
  /** Of the event loop since the last sample, milliseconds. */
  readonly lagP99Ms: number;
  readonly lagMaxMs: number;
}

export interface Sample {
  /** Since the traffic began. */
  readonly minute: number;
  readonly messages: number;
  readonly nodes: readonly NodeSample[];
  readonly redisBytes: number;
  readonly redisKeys: number;
  /** Of the machine, over the last minute. */
  readonly load: number;
}

async function sampleNode(relay: Relay): Promise<NodeSample> {
  const metrics = await relay.metrics();
  // Next to each other in time, for they are compared.
  const connections = metrics.value('causeway_connections');
  const files = (await readdir(`/proc/${relay.pid}/fd`)).length;
  return {
    rssBytes: await relay.rss(),
    heapUsedBytes: metrics.value('nodejs_heap_size_used_bytes'),
    files,
    connections,
    lagP99Ms: metrics.value('nodejs_eventloop_lag_p99_seconds') * 1000,
    lagMaxMs: metrics.value('nodejs_eventloop_lag_max_seconds') * 1000,
  };
}

export async function takeSample(
  relays: readonly Relay[],
  redis: RedisDeployment,
  { minute, messages }: Pick<Sample, 'minute' | 'messages'>,
): Promise<Sample> {
  const nodes = await Promise.all(relays.map(sampleNode));
  const memory = await redis.info('memory');
  const sizes = await Promise.all(redis.nodes.map(({ client }) => client.dbsize()));
  return {
    minute,
    messages,
    nodes,
    redisBytes: memory.reduce((sum, info) => sum + Number(info.get('used_memory')), 0),
    redisKeys: sizes.reduce((sum, size) => sum + size, 0),
    load: loadavg()[0] as number,
  };
}
