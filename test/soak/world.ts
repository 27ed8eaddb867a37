import { ADMIN_TOKENS, askAdmin } from '../integration/admin.ts';
import { complaints } from '../kit/observe.ts';
import { type RedisDeployment, startRedisCluster } from '../kit/redis.ts';
import { type LogRecord, type Relay, startRelay } from '../kit/relay.ts';
import type { Rng } from '../kit/rng.ts';
import { Scope } from '../kit/scope.ts';
import { startAll } from '../kit/start-all.ts';
import { Forgetter, startWatchers, type Watcher } from './bystanders.ts';
import { Comings } from './comings.ts';
import { Crowd } from './crowd.ts';

export const RELAYS = 3;
/** Short, so that what clients leave behind in Redis ends within minutes. Longer than any client is away. */
export const TTL_SECONDS = 60;

const ENV = {
  CAUSEWAY_ADMIN_TOKENS: ADMIN_TOKENS,
  CAUSEWAY_RESERVATION_TTL_SECONDS: String(TTL_SECONDS),
  CAUSEWAY_MAILBOX_TTL_SECONDS: String(TTL_SECONDS),
  // The checker takes every missing message for a lost one: nothing may be evicted.
  CAUSEWAY_MAILBOX_MESSAGES: '100000',
  CAUSEWAY_MAILBOX_BYTES: String(2 ** 30),
};
/** No primary has a replica: a busy machine must not look like a dead one. */
const REDIS_NODE_TIMEOUT_MS = 15_000;

export interface SoakWorld {
  readonly redis: RedisDeployment;
  readonly relays: readonly Relay[];
  readonly crowd: Crowd;
  readonly comings: Comings;
  readonly watchers: readonly Watcher[];
  readonly forgetter: Forgetter;
  /** What relays logged that they should not have, from their start on. */
  readonly complaints: readonly LogRecord[];
  stop(): Promise<void>;
}

/** Relays over a Redis Cluster, and clients that are connected and do not send yet. */
export async function startSoakWorld(rng: Rng, rate: number): Promise<SoakWorld> {
  const scope = new Scope();
  try {
    const redis = scope.keep(await startRedisCluster({ replicas: 0, nodeTimeoutMs: REDIS_NODE_TIMEOUT_MS }));
    const relays = await startAll(Array.from({ length: RELAYS }, () => startRelay({ redis, env: ENV })));
    const logged: LogRecord[] = [];
    for (const relay of relays) {
      scope.keep(relay);
      logged.push(...complaints(relay));
      relay.onRecord((record) => logged.push(...complaints({ logs: [record] })));
    }
    const urls = relays.map(({ url }) => url);
    const crowd = scope.keep(await Crowd.start({ ports: relays.map(({ port }) => port), rng, rate }));
    const comings = new Comings({ crowd, relays, rng: rng.fork() });
    const peers = crowd.recorders.map(({ peer }) => peer);
    const watchers = await startWatchers(urls, peers);
    for (const watcher of watchers) scope.keep(watcher);
    const forgetter = scope.keep(await Forgetter.start(urls[0] as string));
    return { redis, relays, crowd, comings, watchers, forgetter, complaints: logged, stop: () => scope.end() };
  } catch (error) {
    await scope.end();
    throw error;
  }
}

/** One sentence for each check of `GET /admin/consistency` that fails on a node. */
export async function findInconsistency(relays: readonly Relay[]): Promise<string[]> {
  const found = await Promise.all(
    relays.map(async (relay, index) => {
      const { status, body } = await askAdmin(relay, 'GET', '/admin/consistency', { token: 'look' });
      if (status !== 200) return [`node ${index} answered ${status} when asked for its consistency`];
      const { checks } = body as { checks: { name: string; ok: boolean; detail: string }[] };
      return checks
        .filter(({ ok }) => !ok)
        .map(({ name, detail }) => `node ${index} is inconsistent: ${name}: ${detail}`);
    }),
  );
  return found.flat();
}
