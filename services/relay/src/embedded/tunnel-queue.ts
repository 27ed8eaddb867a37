import type { NodeId } from '@causeway/protocol';
import type { TunnelAppend } from '../core/tunnel-ports.ts';

/** What waits for one node to take it in for its tunnels. */
export interface TunnelQueue {
  /** Oldest first. */
  envelopes: Uint8Array[];
  bytes: number;
  /** Sending node -> its last envelope. */
  readonly senders: Map<NodeId, { readonly run: number; readonly sequence: number }>;
}

export function createQueue(): TunnelQueue {
  return { envelopes: [], bytes: 0, senders: new Map() };
}

/** As `cluster/lua/tunnel_append.lua`, for a node that takes anything. */
export function appendEnvelope(
  queue: TunnelQueue,
  { from, run, sequence, envelope, maxBytes }: TunnelAppend,
): { kind: 'ok' | 'dup' | 'gap' | 'full' } {
  const known = queue.senders.get(from) ?? { run: 0, sequence: 0 };
  if (run < known.run || (run === known.run && sequence <= known.sequence)) return { kind: 'dup' };
  if (sequence !== (run === known.run ? known.sequence : 0) + 1) return { kind: 'gap' };
  if (queue.bytes + envelope.length > maxBytes && queue.envelopes.length > 0) return { kind: 'full' };
  queue.envelopes.push(envelope.slice());
  queue.bytes += envelope.length;
  queue.senders.set(from, { run, sequence });
  return { kind: 'ok' };
}

/** Takes the oldest out. */
export function takeEnvelopes(queue: TunnelQueue, count: number): readonly Uint8Array[] {
  const envelopes = queue.envelopes.splice(0, count);
  for (const { length } of envelopes) queue.bytes -= length;
  return envelopes;
}
