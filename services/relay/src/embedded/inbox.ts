import type { NodeId } from '@causeway/protocol';
import type { Inbox, InboxEntry } from '../core/ports.ts';
import type { EmbeddedCluster } from './cluster.ts';
import { createLog, endLog, entriesBehind, type NodeLog, REAPED_KEEP_MS, trimLog } from './node-log.ts';

const READ_COUNT = 512;

export class EmbeddedInbox implements Inbox {
  private readonly cluster: EmbeddedCluster;
  private reader: LogReader | null = null;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  async open(node: NodeId): Promise<{ kind: 'opened'; created: boolean } | { kind: 'ended' }> {
    const created = !this.cluster.logs.has(node);
    const log = this.logOf(node);
    if (created) this.reader?.goOnWith(log);
    return log.state === 'open' ? { kind: 'opened', created } : { kind: 'ended' };
  }

  start(node: NodeId, onEntries: (entries: readonly InboxEntry[]) => void): void {
    if (this.reader) throw new Error('the inbox is being read already');
    this.reader = new LogReader(this.logOf(node), onEntries);
  }

  async trim(node: NodeId, upTo: string, bytes: number): Promise<{ kind: 'trimmed' }> {
    const log = this.cluster.logs.get(node);
    if (log) trimLog(log, upTo, bytes);
    return { kind: 'trimmed' };
  }

  async close(node: NodeId): Promise<{ kind: 'closed'; last: string }> {
    const log = this.cluster.logs.get(node);
    if (log?.state === 'open') log.state = 'closing';
    return { kind: 'closed', last: `${log?.last ?? 0}-0` };
  }

  async remove(node: NodeId): Promise<{ kind: 'removed' } | { kind: 'superseded' }> {
    const log = this.logOf(node);
    if (log.state === 'reaping') return { kind: 'superseded' };
    endLog(log, this.cluster.now() + REAPED_KEEP_MS);
    return { kind: 'removed' };
  }

  async stop(): Promise<void> {
    this.reader?.stop();
    this.reader = null;
  }

  private logOf(node: NodeId): NodeLog {
    const log = this.cluster.logs.get(node) ?? createLog();
    this.cluster.logs.set(node, log);
    return log;
  }
}

/** Hands a log's entries over, never within the append that brought them. */
class LogReader {
  private log: NodeLog;
  private readonly onEntries: (entries: readonly InboxEntry[]) => void;
  private cursor = '0-0';
  private scheduled = false;
  private stopped = false;

  constructor(log: NodeLog, onEntries: (entries: readonly InboxEntry[]) => void) {
    this.log = log;
    this.onEntries = onEntries;
    this.goOnWith(log);
  }

  /** The log was lost, and this is its successor. */
  goOnWith(log: NodeLog): void {
    this.log = log;
    this.cursor = '0-0';
    log.wake = () => this.schedule();
    this.schedule();
  }

  stop(): void {
    this.stopped = true;
    this.log.wake = () => undefined;
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.handOver());
  }

  private handOver(): void {
    this.scheduled = false;
    if (this.stopped) return;
    const entries = entriesBehind(this.log, this.cursor, READ_COUNT);
    const last = entries.at(-1);
    if (last === undefined) return;
    this.cursor = last.id;
    this.schedule();
    this.onEntries(entries);
  }
}
