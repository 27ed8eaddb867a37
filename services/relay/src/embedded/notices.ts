import type { Notice, Notices } from '../core/shared-ports.ts';
import { type EmbeddedCluster, tell } from './cluster.ts';

export class EmbeddedNotices implements Notices {
  private readonly cluster: EmbeddedCluster;
  private readonly own: ((notice: Notice) => void)[] = [];

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  async publish(notice: Notice): Promise<{ kind: 'published' }> {
    tell(this.cluster, notice);
    return { kind: 'published' };
  }

  onNotice(listener: (notice: Notice) => void): void {
    this.own.push(listener);
    this.cluster.listeners.add(listener);
  }

  close(): void {
    for (const listener of this.own) this.cluster.listeners.delete(listener);
  }
}
