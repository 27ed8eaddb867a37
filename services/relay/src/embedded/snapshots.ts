import type { NodeId } from '@causeway/protocol';
import type { Snapshots } from '../core/usage-ports.ts';
import type { EmbeddedCluster } from './cluster.ts';

export class EmbeddedSnapshots implements Snapshots {
  private readonly cluster: EmbeddedCluster;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  async write(node: NodeId, text: string, ttlMs: number): Promise<{ kind: 'written' }> {
    this.dropEnded();
    this.cluster.snapshots.set(node, { text, until: this.cluster.now() + ttlMs });
    return { kind: 'written' };
  }

  async read(): Promise<{ kind: 'snapshots'; texts: readonly string[] }> {
    this.dropEnded();
    return { kind: 'snapshots', texts: [...this.cluster.snapshots.values()].map(({ text }) => text) };
  }

  private dropEnded(): void {
    const now = this.cluster.now();
    for (const [node, { until }] of this.cluster.snapshots) if (until <= now) this.cluster.snapshots.delete(node);
  }
}
