import type { NodeId } from '@causeway/protocol';
import { Relay } from '../../services/relay/src/core/relay.ts';
import type { Settings } from '../../services/relay/src/core/settings.ts';
import { createEmbeddedCluster, type EmbeddedCluster } from '../../services/relay/src/embedded/cluster.ts';
import { createEmbeddedStore } from '../../services/relay/src/embedded/store.ts';
import type { Rng } from '../kit/rng.ts';
import { type Faults, faultyStore } from './faulty-store.ts';
import { silentLog, type World } from './world.ts';

export function settings(node: string, changes: Partial<Settings> = {}): Settings {
  return {
    node: node as NodeId,
    region: '',
    url: '',
    policy: 'open',
    realms: [],
    heartbeatMs: 25_000,
    helloTimeoutMs: 5000,
    maxPayload: 65_536,
    sendWindow: 256,
    deliveryWindow: 256,
    deliveryWindowBytes: 1024 * 1024,
    ackTimeoutMs: 2000,
    outcomeTimeoutMs: 15_000,
    reservationTtlMs: 3_600_000,
    // More than a scenario sends: an eviction would be a loss that is right.
    mailboxMessages: 5000,
    mailboxBytes: 16 * 1024 * 1024,
    mailboxTtlMs: 3_600_000,
    realmMailboxBytes: 1024 * 1024 * 1024,
    nodeLeaseMs: 5000,
    linkBytes: 64 * 1024 * 1024,
    inboxBytes: 256 * 1024 * 1024,
    maxWatched: 256,
    randomHex: (bytes) => 'ab'.repeat(bytes),
    sha256Hex: (bytes) => Buffer.from(bytes).toString('hex'),
    ...changes,
  };
}

export interface Nodes {
  readonly relays: readonly Relay[];
  readonly shared: EmbeddedCluster;
}

export async function startNodes(
  count: number,
  world: World,
  rng: Rng,
  faults: Faults,
  isOut: () => boolean,
  changes: Partial<Settings>,
): Promise<Nodes> {
  const shared = createEmbeddedCluster(() => world.now());
  const relays: Relay[] = [];
  for (let i = 0; i < count; i += 1) {
    const store = faultyStore(createEmbeddedStore(shared), world, rng.fork(), faults, isOut);
    const relay = new Relay({
      settings: settings(`n${i}`, changes),
      store,
      clock: world,
      timers: world,
      log: silentLog,
    });
    await relay.start(() => 0);
    relays.push(relay);
  }
  return { relays, shared };
}
