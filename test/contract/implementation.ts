import { setTimeout as sleep } from 'node:timers/promises';
import { createRedisStore } from '../../services/relay/src/cluster/store.ts';
import { parseRedisUrl } from '../../services/relay/src/cluster/url.ts';
import type { NodeRecord, Store } from '../../services/relay/src/core/ports.ts';
import { createEmbeddedCluster } from '../../services/relay/src/embedded/cluster.ts';
import { createEmbeddedStore } from '../../services/relay/src/embedded/store.ts';
import type { RedisDeployment } from '../kit/redis.ts';
import { waitFor } from '../kit/wait.ts';

/** One implementation of the ports, with what tests must do behind its back. */
export interface Implementation {
  readonly store: Store;
  /** Lets the store's clock go on by at least so much. */
  advance(ms: number): Promise<void>;
  declareDead(record: NodeRecord): Promise<void>;
  stop(): Promise<void>;
}

export async function embedded(): Promise<Implementation> {
  let ahead = 0;
  const cluster = createEmbeddedCluster(() => Date.now() + ahead);
  const store = createEmbeddedStore(cluster);
  return {
    store,
    async advance(ms) {
      ahead += ms;
    },
    async declareDead(record) {
      cluster.nodes.set(record.node, { ...record, state: 'dead' });
    },
    stop: () => store.close(),
  };
}

export async function onRedis(start: () => Promise<RedisDeployment>): Promise<Implementation> {
  const deployment = await start();
  const store = connectTo(deployment.url);
  await untilHealthy(store);
  return {
    store,
    async advance(ms) {
      await sleep(ms + 5);
    },
    async declareDead(record) {
      const dead = JSON.stringify({ ...record, state: 'dead' });
      const primaries = deployment.nodes.filter(({ role }) => role === 'primary');
      // One of a cluster's primaries holds the key, the others answer MOVED.
      await Promise.any(primaries.map(({ client }) => client.hset('cw:{nodes}', record.node, dead)));
    },
    async stop() {
      await store.close();
      await deployment.stop();
    },
  };
}

export function connectTo(url: string): Store {
  const parsed = parseRedisUrl(url);
  if (!parsed.ok) throw new Error(parsed.error);
  return createRedisStore({ target: parsed.target });
}

export async function untilHealthy(store: Store): Promise<void> {
  await waitFor(async () => (await store.health.check()).kind === 'healthy', { what: 'the store is healthy' });
}
