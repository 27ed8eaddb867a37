import { startProxy, type TcpProxy } from '../kit/proxy.ts';
import { type RedisNode, startRedis, startRedisCluster } from '../kit/redis.ts';
import type { Rng } from '../kit/rng.ts';
import { Scope } from '../kit/scope.ts';
import { startAll } from '../kit/start-all.ts';
import type { Wipe } from './checker.ts';
import { Fleet, RELAYS } from './fleet.ts';
import { Traffic } from './traffic.ts';

/**
 * `cluster`: a Redis Cluster without replicas. `standalone`: one server, and before it a proxy for each relay.
 * `replicated`: a Redis Cluster with a replica for each primary, which relays wait for.
 */
export const REDIS_KINDS = ['cluster', 'standalone', 'replicated'] as const;
export type RedisKind = (typeof REDIS_KINDS)[number];

/** What faults act on. */
export interface World {
  readonly kind: RedisKind;
  readonly fleet: Fleet;
  readonly traffic: Traffic;
  /** Primaries first, then replicas, as they were at the start. */
  readonly redis: readonly RedisNode[];
  /** Between each relay and Redis, in the order of the fleet; none before a cluster. */
  readonly proxies: readonly TcpProxy[];
  /** Faults add to it, and a round takes from it. */
  readonly wipes: Wipe[];
  stop(): Promise<void>;
}

/** Longer than any pause of a primary without a replica, which must not turn into a failover. */
const UNREPLICATED_TIMEOUT_MS = 15_000;
const NODE_TIMEOUT_MS = 1000;

interface StartedRedis {
  readonly redis: readonly RedisNode[];
  readonly proxies: readonly TcpProxy[];
  /** For each relay. */
  readonly urls: readonly string[];
}

async function startRedisOf(kind: RedisKind, scope: Scope): Promise<StartedRedis> {
  if (kind === 'standalone') {
    const { nodes } = scope.keep(await startRedis());
    const target = { port: (nodes[0] as RedisNode).port };
    const proxies = await startAll(Array.from({ length: RELAYS }, () => startProxy({ target })));
    for (const proxy of proxies) scope.keep(proxy);
    return { redis: nodes, proxies, urls: proxies.map(({ host, port }) => `redis://${host}:${port}`) };
  }
  const options =
    kind === 'cluster'
      ? { replicas: 0, nodeTimeoutMs: UNREPLICATED_TIMEOUT_MS }
      : { replicas: 1, nodeTimeoutMs: NODE_TIMEOUT_MS };
  const { nodes, url } = scope.keep(await startRedisCluster(options));
  return { redis: nodes, proxies: [], urls: Array.from({ length: RELAYS }, () => url) };
}

/** Real relays over a real Redis, and clients that are connected and do not send yet. */
export async function startWorld(kind: RedisKind, rng: Rng): Promise<World> {
  const scope = new Scope();
  try {
    const { redis, proxies, urls } = await startRedisOf(kind, scope);
    const env = { CAUSEWAY_REDIS_MIN_REPLICAS: kind === 'replicated' ? '1' : '0' };
    const fleet = scope.keep(await Fleet.start(urls, env));
    const traffic = scope.keep(await Traffic.start({ ports: fleet.ports, rng }));
    return { kind, fleet, traffic, redis, proxies, wipes: [], stop: () => scope.end() };
  } catch (error) {
    await scope.end();
    throw error;
  }
}
