import type { NodeId, PeerId } from '@causeway/protocol';
import { storedBytes } from '../core/message.ts';
import type {
  LocateReply,
  MailboxEntry,
  MailboxId,
  MailboxLimits,
  OwnerAppendReply,
  Removed,
  Stored,
  StoredMessage,
  Writer,
} from '../core/ports.ts';

const MAX_WRITERS = 64;
/** What is known of the writers outlives the last entry by this. */
const FORGET_SLACK_MS = 60_000;

interface Held {
  readonly message: MailboxEntry;
  readonly bytes: number;
  readonly storedAt: number;
}

interface Sender {
  /** The sender's entries, oldest first. */
  readonly entries: Set<MailboxId>;
  bytes: number;
}

type Reply = Extract<OwnerAppendReply | LocateReply, { kind: 'stored' }>;

export interface MailboxState {
  /** Oldest first. */
  readonly entries: Map<MailboxId, Held>;
  readonly senders: Map<PeerId, Sender>;
  /** The last write of each node, longest not seen first. */
  readonly writers: Map<NodeId, { readonly sequence: number; readonly reply: Reply }>;
  bytes: number;
  lastMs: number;
  lastN: number;
  seen: MailboxId | '';
  /** Milliseconds since 1970; infinite while nothing was ever written. */
  forgetAt: number;
}

export function createMailbox(): MailboxState {
  return {
    entries: new Map(),
    senders: new Map(),
    writers: new Map(),
    bytes: 0,
    lastMs: 0,
    lastN: -1,
    seen: '',
    forgetAt: Number.POSITIVE_INFINITY,
  };
}

/** Appends from the front until one does not fit. Ids of one call are consecutive. */
export function append(
  box: MailboxState,
  messages: readonly StoredMessage[],
  limits: MailboxLimits,
  mayEvict: boolean,
  now: number,
): Stored {
  dropExpired(box, limits.ttlMs, now);
  const entries: MailboxId[] = [];
  const evicted: Removed[] = [];
  const [ms, first] = box.lastMs >= now ? [box.lastMs, box.lastN + 1] : [now, 0];
  for (const message of messages) {
    const bytes = storedBytes(message);
    if (!makeRoom(box, bytes, limits, mayEvict, evicted)) break;
    box.lastMs = ms;
    box.lastN = first + entries.length;
    const entry = `${ms}-${box.lastN}` as MailboxId;
    hold(box, entry, message, bytes, ms);
    entries.push(entry);
  }
  return { kind: 'stored', count: entries.length, entries, evicted };
}

function hold(box: MailboxState, entry: MailboxId, message: StoredMessage, bytes: number, storedAt: number): void {
  // A copy of the payload's own size: a view would keep the packet that it came in alive.
  const payload = new Uint8Array(message.payload);
  box.entries.set(entry, { message: { ...message, payload, entry }, bytes, storedAt });
  box.bytes += bytes;
  const sender = box.senders.get(message.from) ?? { entries: new Set(), bytes: 0 };
  sender.entries.add(entry);
  sender.bytes += bytes;
  box.senders.set(message.from, sender);
}

function makeRoom(
  box: MailboxState,
  bytes: number,
  limits: MailboxLimits,
  mayEvict: boolean,
  evicted: Removed[],
): boolean {
  if (bytes > limits.bytes || limits.messages < 1) return false;
  const tooMany = () => box.entries.size >= limits.messages;
  const tooLarge = () => box.bytes + bytes > limits.bytes;
  if (!mayEvict) return !tooMany() && !tooLarge();
  while (tooMany()) evictOldest(box, (sender) => sender.entries.size, evicted);
  while (tooLarge()) evictOldest(box, (sender) => sender.bytes, evicted);
  return true;
}

/** Evicts the oldest message of the sender who holds most; of equal ones the last by name. */
function evictOldest(box: MailboxState, held: (sender: Sender) => number, evicted: Removed[]): void {
  let most = -1;
  let name = '' as PeerId;
  for (const [candidate, sender] of box.senders) {
    const amount = held(sender);
    if (amount > most || (amount === most && Buffer.compare(Buffer.from(candidate), Buffer.from(name)) > 0)) {
      most = amount;
      name = candidate;
    }
  }
  const [oldest] = box.senders.get(name)?.entries ?? [];
  if (oldest) evicted.push(...remove(box, [oldest]));
}

/** Takes entries out and answers what was there. */
export function remove(box: MailboxState, ids: readonly MailboxId[]): Removed[] {
  const removed: Removed[] = [];
  for (const entry of ids) {
    const held = box.entries.get(entry);
    if (!held) continue;
    const { bytes, message } = held;
    box.entries.delete(entry);
    box.bytes -= bytes;
    const sender = box.senders.get(message.from);
    if (sender) {
      sender.entries.delete(entry);
      sender.bytes -= bytes;
      if (sender.entries.size === 0) box.senders.delete(message.from);
    }
    removed.push({ entry, bytes });
  }
  return removed;
}

export function dropExpired(box: MailboxState, ttlMs: number, now: number): void {
  for (const [entry, { storedAt }] of box.entries) {
    if (storedAt > now - ttlMs) return;
    remove(box, [entry]);
  }
}

export function read(box: MailboxState, after: MailboxId | '', count: number, bytes: number): MailboxEntry[] {
  const entries: MailboxEntry[] = [];
  let taken = 0;
  for (const [entry, held] of box.entries) {
    if (after !== '' && !isLater(entry, after)) continue;
    if (entries.length >= count || (entries.length > 0 && taken >= bytes)) break;
    entries.push(held.message);
    taken += held.bytes;
  }
  return entries;
}

export function isLater(id: MailboxId, other: MailboxId): boolean {
  const [ms = 0, n = 0] = id.split('-').map(Number);
  const [otherMs = 0, otherN = 0] = other.split('-').map(Number);
  return ms > otherMs || (ms === otherMs && n > otherN);
}

/** The answer of the node's last write when this one repeats it. */
export function repeatedReply(box: MailboxState, writer: Writer): Reply | null {
  const last = box.writers.get(writer.node);
  return last && writer.sequence <= last.sequence ? last.reply : null;
}

export function recordReply(box: MailboxState, writer: Writer, reply: Reply, ttlMs: number, now: number): void {
  box.writers.delete(writer.node);
  box.writers.set(writer.node, { sequence: writer.sequence, reply });
  if (box.writers.size > MAX_WRITERS) {
    const [oldest] = box.writers.keys();
    if (oldest !== undefined) box.writers.delete(oldest);
  }
  box.forgetAt = now + ttlMs + FORGET_SLACK_MS;
}
