import { startProxy, type TcpProxy } from '../kit/proxy.ts';
import { type RedisNode, startRedis, startRedisCluster } from '../kit/redis.ts';
import type { Rng } from '../kit/rng.ts';
import { Scope } from '../kit/scope.ts';
import { Fleet } from './fleet.ts';
import { Traffic } from './traffic.ts';

export type RedisKind = 'cluster' | 'standalone';

/** What faults act on. */
export interface World {
  readonly fleet: Fleet;
  readonly traffic: Traffic;
  /** The primaries. */
  readonly redis: readonly RedisNode[];
  /** Between relays and Redis; null before a cluster. */
  readonly proxy: TcpProxy | null;
  stop(): Promise<void>;
}

/** Longer than any pause of a primary here, which must not turn into a failover. */
const NODE_TIMEOUT_MS = 15_000;

async function startRedisOf(kind: RedisKind, scope: Scope) {
  if (kind === 'cluster') {
    const redis = scope.keep(await startRedisCluster({ replicas: 0, nodeTimeoutMs: NODE_TIMEOUT_MS }));
    return { nodes: redis.nodes, proxy: null, url: redis.url };
  }
  const { nodes } = scope.keep(await startRedis());
  const proxy = scope.keep(await startProxy({ target: { port: (nodes[0] as RedisNode).port } }));
  return { nodes, proxy, url: `redis://${proxy.host}:${proxy.port}` };
}

/** Real relays over a real Redis, and clients that are connected and do not send yet. */
export async function startWorld(kind: RedisKind, rng: Rng): Promise<World> {
  const scope = new Scope();
  try {
    const { nodes: redis, proxy, url } = await startRedisOf(kind, scope);
    const fleet = scope.keep(await Fleet.start(url));
    const traffic = scope.keep(await Traffic.start({ ports: fleet.ports, rng }));
    return { fleet, traffic, redis, proxy, stop: () => scope.end() };
  } catch (error) {
    await scope.end();
    throw error;
  }
}
