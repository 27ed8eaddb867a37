import type { PeerKey } from '../core/address.ts';
import type { ForeignReservation, ForeignReservations } from '../core/inspection-ports.ts';
import { type EmbeddedCluster, peerAt } from './cluster.ts';

export class EmbeddedForeignReservations implements ForeignReservations {
  private readonly cluster: EmbeddedCluster;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  async put(
    key: PeerKey,
    reservation: Omit<ForeignReservation, 'expiresAt'>,
    ttlMs: number,
  ): Promise<{ kind: 'put'; expiresAt: number } | { kind: 'conflict'; epoch: number }> {
    const peer = peerAt(this.cluster, key);
    const { foreign, location } = peer;
    const { epoch, holder } = reservation;
    if (foreign !== null && (foreign.epoch > epoch || (foreign.epoch === epoch && foreign.holder !== holder))) {
      return { kind: 'conflict', epoch: foreign.epoch };
    }
    const owner = location?.owner ?? null;
    if (owner !== null && owner.epoch >= epoch) return { kind: 'conflict', epoch: owner.epoch };
    peer.foreign = { ...reservation, expiresAt: this.cluster.now() + ttlMs };
    return { kind: 'put', expiresAt: peer.foreign.expiresAt };
  }

  async get(key: PeerKey): Promise<{ kind: 'got'; reservation: (ForeignReservation & { native: boolean }) | null }> {
    const { foreign, location } = peerAt(this.cluster, key);
    const owner = location?.owner ?? null;
    if (location !== null && owner !== null && !(foreign !== null && foreign.epoch > owner.epoch)) {
      const { node, epoch } = owner;
      return {
        kind: 'got',
        reservation: { holder: node, epoch, expiresAt: location.expiresAt, data: '', native: true },
      };
    }
    return { kind: 'got', reservation: foreign && { ...foreign, native: false } };
  }

  async delete(
    key: PeerKey,
    epoch: number,
  ): Promise<{ kind: 'deleted' } | { kind: 'missing' } | { kind: 'conflict'; epoch: number }> {
    const peer = peerAt(this.cluster, key);
    if (peer.foreign === null) return { kind: 'missing' };
    if (peer.foreign.epoch > epoch) return { kind: 'conflict', epoch: peer.foreign.epoch };
    peer.foreign = null;
    return { kind: 'deleted' };
  }
}
