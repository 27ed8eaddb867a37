import type { NodeId } from '@causeway/protocol';
import type { Audit, KeysAudit } from '../core/ports.ts';
import type { EmbeddedCluster } from './cluster.ts';

export class EmbeddedAudit implements Audit {
  private readonly cluster: EmbeddedCluster;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  async inbox(node: NodeId): Promise<{ kind: 'inbox'; account: number; contents: number }> {
    const log = this.cluster.logs.get(node);
    const contents = log?.entries.reduce((sum, { envelope }) => sum + envelope.length, 0) ?? 0;
    return { kind: 'inbox', account: log?.bytes ?? 0, contents };
  }

  /** Nothing is kept under a key that could last: `lasting` is empty. */
  async keys(node: NodeId, limit: number): Promise<KeysAudit> {
    const peers = [...this.cluster.peers].slice(0, limit);
    const located = peers.flatMap(([key, { location }]) => {
      const owner = location?.owner;
      return owner?.node === node ? [{ key, epoch: owner.epoch }] : [];
    });
    return { kind: 'keys', looked: peers.length, located, lasting: [] };
  }
}
