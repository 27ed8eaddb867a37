import type { NodeId } from '@causeway/protocol';
import type { PeerKey } from '../core/address.ts';
import type { Presence, PresenceState } from '../core/ports.ts';
import { type EmbeddedCluster, peerAt } from './cluster.ts';

export class EmbeddedPresence implements Presence {
  private readonly cluster: EmbeddedCluster;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  async watch(key: PeerKey, node: NodeId, ttlMs: number): Promise<{ kind: 'state' } & PresenceState> {
    const { location, watchers } = peerAt(this.cluster, key);
    watchers.set(node, this.cluster.now() + ttlMs);
    const epoch = location?.epoch ?? 0;
    if (location?.owner) return { kind: 'state', online: true, at: location.since, epoch, node: location.owner.node };
    return { kind: 'state', online: false, at: location?.left ?? 0, epoch, node: '' };
  }

  async unwatch(key: PeerKey, node: NodeId): Promise<{ kind: 'unwatched' }> {
    this.cluster.peers.get(key)?.watchers.delete(node);
    return { kind: 'unwatched' };
  }
}
