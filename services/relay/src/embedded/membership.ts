import type { NodeId } from '@causeway/protocol';
import type { Membership, NodeRecord } from '../core/ports.ts';
import type { EmbeddedCluster } from './cluster.ts';

export class EmbeddedMembership implements Membership {
  private readonly cluster: EmbeddedCluster;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  async renew(
    record: Parameters<Membership['renew']>[0],
    leaseMs: number,
  ): Promise<{ kind: 'renewed' } | { kind: 'dead' }> {
    const now = this.cluster.now();
    const known = this.cluster.nodes.get(record.node);
    if (known?.state === 'dead') return { kind: 'dead' };
    this.cluster.nodes.set(record.node, { ...record, leaseUntil: now + leaseMs, since: known?.since ?? now });
    return { kind: 'renewed' };
  }

  async leave(node: NodeId): Promise<{ kind: 'left' }> {
    if (this.cluster.nodes.get(node)?.state !== 'dead') this.cluster.nodes.delete(node);
    return { kind: 'left' };
  }

  async nodes(): Promise<{ kind: 'nodes'; nodes: readonly NodeRecord[] }> {
    return { kind: 'nodes', nodes: [...this.cluster.nodes.values()] };
  }
}
