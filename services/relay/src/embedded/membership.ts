import type { NodeId } from '@causeway/protocol';
import type { Membership, NodeRecord } from '../core/ports.ts';
import type { EmbeddedCluster } from './cluster.ts';

/** So long a node that was reaped is told that it is dead. */
const REMEMBER_MS = 24 * 3_600_000;

export class EmbeddedMembership implements Membership {
  private readonly cluster: EmbeddedCluster;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  async renew(
    record: Parameters<Membership['renew']>[0],
    leaseMs: number,
  ): Promise<{ kind: 'renewed'; now: number; nodes: readonly NodeRecord[] } | { kind: 'dead' }> {
    const { nodes } = this.cluster;
    const now = this.cluster.now();
    const known = nodes.get(record.node);
    if (known === undefined) this.forgetReaped(now);
    else if (known.state === 'dead' || known.state === 'reaped') return { kind: 'dead' };
    const since = known?.since ?? now;
    // Who was late may have been kept from the store, and so may have been all the others.
    const isOnTime = known !== undefined && known.leaseUntil - now >= leaseMs / 2;
    const steadySince = isOnTime ? known.steadySince : now;
    nodes.set(record.node, { ...record, leaseUntil: now + leaseMs, since, steadySince });
    return { kind: 'renewed', now, nodes: [...nodes.values()] };
  }

  async declareDead(dead: NodeId, by: NodeId, leaseMs: number): Promise<{ kind: 'declared' } | { kind: 'refused' }> {
    const now = this.cluster.now();
    const own = this.cluster.nodes.get(by);
    const other = this.cluster.nodes.get(dead);
    const isSteady = own !== undefined && own.leaseUntil >= now && now - own.steadySince >= leaseMs;
    if (!isSteady || other === undefined || other.leaseUntil >= now) return { kind: 'refused' };
    if (other.state !== 'reaped') this.cluster.nodes.set(dead, { ...other, state: 'dead' });
    return { kind: 'declared' };
  }

  async bury(dead: NodeId): Promise<{ kind: 'buried' }> {
    const known = this.cluster.nodes.get(dead);
    if (known?.state === 'dead') {
      this.cluster.nodes.set(dead, { ...known, state: 'reaped', leaseUntil: this.cluster.now() });
    }
    return { kind: 'buried' };
  }

  async leave(node: NodeId): Promise<{ kind: 'left' }> {
    const state = this.cluster.nodes.get(node)?.state;
    if (state !== 'dead' && state !== 'reaped') this.cluster.nodes.delete(node);
    return { kind: 'left' };
  }

  private forgetReaped(now: number): void {
    for (const { node, state, leaseUntil } of this.cluster.nodes.values()) {
      if (state === 'reaped' && leaseUntil + REMEMBER_MS < now) this.cluster.nodes.delete(node);
    }
  }
}
