import type { NodeId } from '@causeway/protocol';
import type { TunnelAppendReply, TunnelStreams, TunnelWriter } from '../core/tunnel-ports.ts';
import type { EmbeddedCluster } from './cluster.ts';
import { takeEnvelopes } from './tunnel-queue.ts';

const READ_COUNT = 16;

export class EmbeddedTunnelStreams implements TunnelStreams {
  private readonly cluster: EmbeddedCluster;
  private reader: QueueReader | null = null;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  writer(to: NodeId, maxBytes: number): TunnelWriter {
    return { append: async (envelope) => this.append(to, maxBytes, envelope) };
  }

  private append(to: NodeId, maxBytes: number, envelope: Uint8Array): TunnelAppendReply {
    const log = this.cluster.logs.get(to);
    if (!log) return { kind: 'missing' };
    if (log.state === 'reaping' || log.state === 'reaped') return { kind: 'gone' };
    const { tunnels } = log;
    if (tunnels.bytes >= maxBytes) return { kind: 'full' };
    tunnels.envelopes.push(new Uint8Array(envelope));
    tunnels.bytes += envelope.length;
    this.cluster.tunnelReaders.get(to)?.();
    return { kind: 'ok' };
  }

  start(node: NodeId, onEnvelopes: (envelopes: readonly Uint8Array[]) => void): void {
    if (this.reader) throw new Error('the tunnel stream is being read already');
    this.reader = new QueueReader(this.cluster, node, onEnvelopes);
  }

  async stop(): Promise<void> {
    this.reader?.stop();
    this.reader = null;
  }
}

/** Hands over what waits for a node, never within the append that brought it. */
class QueueReader {
  private readonly cluster: EmbeddedCluster;
  private readonly node: NodeId;
  private readonly onEnvelopes: (envelopes: readonly Uint8Array[]) => void;
  private scheduled = false;
  private stopped = false;

  constructor(cluster: EmbeddedCluster, node: NodeId, onEnvelopes: (envelopes: readonly Uint8Array[]) => void) {
    this.cluster = cluster;
    this.node = node;
    this.onEnvelopes = onEnvelopes;
    cluster.tunnelReaders.set(node, () => this.schedule());
    this.schedule();
  }

  stop(): void {
    this.stopped = true;
    this.cluster.tunnelReaders.delete(this.node);
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.handOver());
  }

  private handOver(): void {
    this.scheduled = false;
    const log = this.cluster.logs.get(this.node);
    if (this.stopped || !log) return;
    const envelopes = takeEnvelopes(log.tunnels, READ_COUNT);
    if (envelopes.length === 0) return;
    this.schedule();
    this.onEnvelopes(envelopes);
  }
}
