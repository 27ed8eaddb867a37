import type { NodeId } from '@causeway/protocol';
import type { InboxEntry, LinkAppend, LinkAppendReply, Unavailable } from '../core/ports.ts';
import { createQueue, type TunnelQueue } from './tunnel-queue.ts';

/** A removed inbox is remembered so long, so that nothing that comes late brings it back. */
export const REAPED_KEEP_MS = 24 * 3_600_000;

/** One node's inbox: what other nodes handed to it and it has not settled. */
export interface NodeLog {
  state: 'open' | 'closing' | 'reaping' | 'reaped';
  /** Oldest first. */
  entries: InboxEntry[];
  bytes: number;
  /** Number of the last entry; its id is `<number>-0`. */
  last: number;
  /** Sending node -> sequence of its last frame. */
  readonly links: Map<NodeId, number>;
  tunnels: TunnelQueue;
  /** Who reaps it, until when (milliseconds since 1970), and how often the lock has been taken. */
  reaper: NodeId | null;
  reaperUntil: number;
  token: number;
  /** Called after each append. */
  wake: () => void;
  /** Milliseconds since 1970; infinite until it has been removed. */
  forgetAt: number;
}

export function createLog(): NodeLog {
  return {
    state: 'open',
    entries: [],
    bytes: 0,
    last: 0,
    links: new Map(),
    tunnels: createQueue(),
    reaper: null,
    reaperUntil: 0,
    token: 0,
    wake: () => undefined,
    forgetAt: Number.POSITIVE_INFINITY,
  };
}

/** Appends one envelope, exactly once and in order for each sending node. */
export function appendTo(
  log: NodeLog | undefined,
  append: LinkAppend,
  now: number,
): Exclude<LinkAppendReply, Unavailable> {
  if (!log) return { kind: 'missing' };
  const last = log.links.get(append.from) ?? 0;
  if (log.state === 'reaped') return { kind: 'reaped', last };
  if (last >= append.last) return { kind: 'dup' };
  if (log.state === 'reaping') return { kind: 'reaping' };
  if (log.state === 'closing' && !append.exempt) return { kind: 'closing' };
  if (Math.max(last, append.acked) + 1 < append.first || last >= append.first) return { kind: 'gap', last };
  const bytes = append.envelope.length;
  if (!append.exempt && log.bytes + bytes > append.inboxBytes) return { kind: 'full' };
  log.last += 1;
  log.entries.push({ id: `${log.last}-0`, appendedAt: now, envelope: append.envelope });
  log.bytes += bytes;
  log.links.set(append.from, append.last);
  log.wake();
  return { kind: 'ok' };
}

/** Appends are answered `reaped` from now on, until the log is forgotten. */
export function endLog(log: NodeLog, forgetAt: number): void {
  log.state = 'reaped';
  log.entries = [];
  log.bytes = 0;
  log.tunnels = createQueue();
  log.forgetAt = forgetAt;
}

/** Removes the entries up to and with `upTo`; a repeated call finds none and changes nothing. */
export function trimLog(log: NodeLog, upTo: string, bytes: number): void {
  const removed = log.entries.splice(0, Math.max(numberOf(upTo) - firstNumber(log) + 1, 0));
  if (removed.length === 0) return;
  // An empty log holds nothing, whatever the account says.
  log.bytes = log.entries.length === 0 ? 0 : Math.max(log.bytes - bytes, 0);
}

export function entriesBehind(log: NodeLog, id: string, count: number): InboxEntry[] {
  // Numbers follow one another, so the place is known.
  const first = Math.max(numberOf(id) - firstNumber(log) + 1, 0);
  return log.entries.slice(first, first + count);
}

function firstNumber(log: NodeLog): number {
  return log.last - log.entries.length + 1;
}

function numberOf(id: string): number {
  return Number.parseInt(id, 10);
}
