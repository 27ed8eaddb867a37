import { randomBytes } from 'node:crypto';
import { startRedisCluster } from '../test/kit/redis.ts';
import { type Relay, startCluster } from '../test/kit/relay.ts';
import { Scope } from '../test/kit/scope.ts';

/** As `npm run cluster` has it: three relays over three primaries with a replica each. */
export interface K6Cluster {
  readonly relays: readonly Relay[];
  /** What a load test has to know of it. */
  readonly settings: Readonly<Record<string, string>>;
  /** Of its processes, by kind. */
  readonly pids: Readonly<Record<string, readonly number[]>>;
  stop(): Promise<void>;
}

export async function startK6Cluster(): Promise<K6Cluster> {
  const scope = new Scope();
  const token = randomBytes(8).toString('hex');
  try {
    const redis = scope.keep(await startRedisCluster());
    const env = { CAUSEWAY_ADMIN_TOKENS: `admin:${token}`, CAUSEWAY_DRAIN_SECONDS: '1' };
    const { relays } = scope.keep(await startCluster({ redis, env }));
    const [{ adminUrl }] = relays as [Relay];
    return {
      relays,
      settings: { URLS: relays.map(({ url }) => url).join(','), ADMIN_URL: adminUrl, ADMIN_TOKEN: token },
      pids: { relays: relays.map(({ pid }) => pid), redis: redis.nodes.map(({ pid }) => pid) },
      stop: () => scope.end(),
    };
  } catch (error) {
    await scope.end();
    throw error;
  }
}

/** Commands and scripts that all relays have sent to Redis so far. */
export async function redisCommands({ relays }: K6Cluster): Promise<number> {
  const all = await Promise.all(relays.map((relay) => relay.metrics()));
  return all.reduce((sum, metrics) => sum + metrics.value('causeway_redis_commands_total'), 0);
}
