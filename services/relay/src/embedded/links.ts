import type { LinkAppend, LinkAppendReply, Links } from '../core/ports.ts';
import type { EmbeddedCluster } from './cluster.ts';
import { appendTo } from './node-log.ts';

export class EmbeddedLinks implements Links {
  private readonly cluster: EmbeddedCluster;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  async append(append: LinkAppend): Promise<LinkAppendReply> {
    return appendTo(this.cluster.logs.get(append.to), append, this.cluster.now());
  }
}
