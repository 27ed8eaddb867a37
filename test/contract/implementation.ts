import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeId, RealmName } from '@causeway/protocol';
import { Keys } from '../../services/relay/src/cluster/keys.ts';
import { createRedisStore, type RedisStoreOptions } from '../../services/relay/src/cluster/store.ts';
import { parseRedisUrl } from '../../services/relay/src/cluster/url.ts';
import type { PeerKey } from '../../services/relay/src/core/address.ts';
import type { Store } from '../../services/relay/src/core/ports.ts';
import { createEmbeddedCluster } from '../../services/relay/src/embedded/cluster.ts';
import { createEmbeddedStore } from '../../services/relay/src/embedded/store.ts';
import type { RedisDeployment } from '../kit/redis.ts';
import { waitFor } from '../kit/wait.ts';
import { ATTEMPT_LIMITS } from './attempts-contract.ts';

/** One implementation of the ports, with what tests must do behind its back. */
export interface Implementation {
  readonly store: Store;
  /** Lets the store's clock go on by at least so much. */
  advance(ms: number): Promise<void>;
  /** Loses what there is of a node's inbox and tunnels, as a server does that starts again without its data. */
  loseInbox(node: NodeId): Promise<void>;
  losePeer(key: PeerKey): Promise<void>;
  /** Loses a realm's usage of an hour, and which realms there were. */
  loseUsage(realm: RealmName, hour: number): Promise<void>;
  stop(): Promise<void>;
}

export async function embedded(): Promise<Implementation> {
  let ahead = 0;
  const cluster = createEmbeddedCluster(() => Date.now() + ahead);
  const store = createEmbeddedStore(cluster, ATTEMPT_LIMITS);
  return {
    store,
    async advance(ms) {
      ahead += ms;
    },
    async loseInbox(node) {
      cluster.logs.delete(node);
    },
    async losePeer(key) {
      cluster.peers.delete(key);
    },
    async loseUsage(realm, hour) {
      cluster.usage.delete(`${hour} ${realm}`);
    },
    stop: () => store.close(),
  };
}

export async function onRedis(start: () => Promise<RedisDeployment>): Promise<Implementation> {
  const deployment = await start();
  const store = connectTo(deployment.url, { attempts: ATTEMPT_LIMITS });
  await untilHealthy(store);
  const keys = new Keys('cw:');
  const lose = async (...names: string[]): Promise<void> => {
    const primaries = deployment.nodes.filter(({ role }) => role === 'primary');
    // One of a cluster's primaries holds the keys, the others answer MOVED.
    await Promise.any(primaries.map(({ client }) => client.del(...names)));
  };
  return {
    store,
    async advance(ms) {
      await sleep(ms + 5);
    },
    async loseInbox(node) {
      await lose(...Object.values(keys.node(node)));
    },
    async losePeer(key) {
      const { loc, mailbox, watch } = keys.peer(key);
      await lose(loc, ...mailbox, watch);
    },
    async loseUsage(realm, hour) {
      await lose(keys.usage(realm, hour).hour);
      await lose(keys.usageRealms(hour));
    },
    async stop() {
      await store.close();
      await deployment.stop();
    },
  };
}

export function connectTo(url: string, options: Omit<RedisStoreOptions, 'target'> = {}): Store {
  const parsed = parseRedisUrl(url);
  if (!parsed.ok) throw new Error(parsed.error);
  return createRedisStore({ target: parsed.target, ...options });
}

export async function untilHealthy(store: Store): Promise<void> {
  await waitFor(async () => (await store.health.check()).kind === 'healthy', { what: 'the store is healthy' });
}
