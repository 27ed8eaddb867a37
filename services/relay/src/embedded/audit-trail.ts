import type { AuditEntry, AuditTrail } from '../core/shared-ports.ts';
import type { EmbeddedCluster } from './cluster.ts';

const KEPT = 10_000;

export class EmbeddedAuditTrail implements AuditTrail {
  private readonly cluster: EmbeddedCluster;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  async append(entry: Omit<AuditEntry, 'at'>): Promise<{ kind: 'appended' }> {
    const { trail, now } = this.cluster;
    trail.push({ ...entry, at: now() });
    if (trail.length > KEPT) trail.shift();
    return { kind: 'appended' };
  }

  async read(count: number): Promise<{ kind: 'entries'; entries: readonly AuditEntry[] }> {
    return { kind: 'entries', entries: this.cluster.trail.slice(-count).reverse() };
  }
}
