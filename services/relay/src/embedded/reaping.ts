import type { NodeId } from '@causeway/protocol';
import type { InboxEntry, ReaperLock, Reaping } from '../core/ports.ts';
import type { EmbeddedCluster } from './cluster.ts';
import { endLog, entriesBehind, REAPED_KEEP_MS } from './node-log.ts';

export class EmbeddedReaping implements Reaping {
  private readonly cluster: EmbeddedCluster;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  async take(
    dead: NodeId,
    reaper: NodeId,
    holdMs: number,
  ): Promise<{ kind: 'held'; lock: ReaperLock } | { kind: 'taken' } | { kind: 'reaped' }> {
    const now = this.cluster.now();
    const log = this.cluster.logs.get(dead);
    if (!log || log.state === 'reaped') return { kind: 'reaped' };
    const isMine = log.reaper === reaper;
    if (!isMine && log.reaperUntil > now) return { kind: 'taken' };
    if (!isMine) log.token += 1;
    log.state = 'reaping';
    log.reaper = reaper;
    log.reaperUntil = now + holdMs;
    return { kind: 'held', lock: { dead, reaper, token: log.token } };
  }

  async read(dead: NodeId, after: string, count: number): Promise<{ kind: 'entries'; entries: readonly InboxEntry[] }> {
    const log = this.cluster.logs.get(dead);
    return { kind: 'entries', entries: log ? entriesBehind(log, after === '' ? '0-0' : after, count) : [] };
  }

  async finish({ dead, token }: ReaperLock): Promise<{ kind: 'finished' } | { kind: 'superseded' }> {
    const log = this.cluster.logs.get(dead);
    if (!log || log.token !== token) return { kind: 'superseded' };
    endLog(log, this.cluster.now() + REAPED_KEEP_MS);
    return { kind: 'finished' };
  }
}
