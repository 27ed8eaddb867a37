/** The part of the ports that nodes need among themselves: links, inboxes, leases (see ports.ts for the rest). */
import type { NodeId } from '@causeway/protocol';

/** The store could not be reached or refused the command; in general nothing is known about whether it took effect. */
export interface Unavailable {
  readonly kind: 'unavailable';
  readonly reason: string;
  /** The store answered that it does not do it now: it took no effect. */
  readonly refused?: boolean;
}

export interface LinkAppend {
  readonly from: NodeId;
  readonly to: NodeId;
  /** Sequence numbers of the first and the last frame of the envelope on the link from -> to; they count from 1. */
  readonly first: number;
  readonly last: number;
  /** The last frame that the other node is known to have read: what the store has lost before it is no gap. */
  readonly acked: number;
  /** True when the envelope holds only receipts and control frames: the inbox's byte limit does not hold for it. */
  readonly exempt: boolean;
  readonly envelope: Uint8Array;
  readonly inboxBytes: number;
}

export type LinkAppendReply =
  | { readonly kind: 'ok' }
  /** The whole envelope was appended before. */
  | { readonly kind: 'dup' }
  /** Something before it is missing (or only a part of it is there): go on from `last` + 1. */
  | { readonly kind: 'gap'; readonly last: number }
  /** Over the inbox's byte limit. */
  | { readonly kind: 'full' }
  /** The node takes no messages any more, only envelopes that are exempt. */
  | { readonly kind: 'closing' }
  /** The node is dead, and what it had been handed is being given back: it takes nothing any more. */
  | { readonly kind: 'reaping' }
  /** The node is gone for good. Frames of this link up to `last` had been appended. */
  | { readonly kind: 'reaped'; readonly last: number }
  /** The store knows no such inbox: the node is gone for long, or the store has lost it. */
  | { readonly kind: 'missing' }
  | Unavailable;

/** The sending side of node links: exactly once and in order. */
export interface Links {
  append(append: LinkAppend): Promise<LinkAppendReply>;
}

export interface InboxEntry {
  /** Stream id, two numbers with a dash between them; grows. */
  readonly id: string;
  /** Milliseconds since 1970, by the store's clock. */
  readonly appendedAt: number;
  readonly envelope: Uint8Array;
}

/** The receiving side: the node's own inbox, a log that is trimmed behind what has been settled. */
export interface Inbox {
  /**
   * Makes sure that this node's inbox exists and is open. `created`: it did not exist before. `ended`: it has been
   * closed or reaped, and is never opened again. Appends by others are answered `missing` before this.
   */
  open(node: NodeId): Promise<{ kind: 'opened'; created: boolean } | { kind: 'ended' } | Unavailable>;
  /**
   * Hands entries over in order, as soon as they arrive, until `stop`. After a fault it goes on behind the last entry
   * handed over; when the stream's last generated id is below that, it goes back, and entries come again.
   */
  start(node: NodeId, onEntries: (entries: readonly InboxEntry[]) => void): void;
  /** Removes all entries up to and with `upTo`, which held `bytes` of envelopes. */
  trim(node: NodeId, upTo: string, bytes: number): Promise<{ kind: 'trimmed' } | Unavailable>;
  /** Takes no messages from now on (`closing`), keeps what is there. `last`: id of the last entry there ever was. */
  close(node: NodeId): Promise<{ kind: 'closed'; last: string } | Unavailable>;
  /** Ends this node's own inbox: appends are answered `reaped`, the log is removed. `superseded`: it is being reaped. */
  remove(node: NodeId): Promise<{ kind: 'removed' } | { kind: 'superseded' } | Unavailable>;
  stop(): Promise<void>;
}

/** The reaper's lock on one dead node. The token grows with each taking: the fencing token of the reaper's steps. */
export interface ReaperLock {
  readonly dead: NodeId;
  readonly reaper: NodeId;
  readonly token: number;
}

/** What a survivor does with a dead node's inbox. */
export interface Reaping {
  /**
   * Takes the lock for `holdMs`, or renews it, and stops all appends in the same step. `taken`: another node holds it.
   * `reaped`: there is nothing left to do.
   */
  take(
    dead: NodeId,
    reaper: NodeId,
    holdMs: number,
  ): Promise<{ kind: 'held'; lock: ReaperLock } | { kind: 'taken' } | { kind: 'reaped' } | Unavailable>;
  /** Entries of the dead node's log behind `after` (empty: from the start), at most `count`. */
  read(
    dead: NodeId,
    after: string,
    count: number,
  ): Promise<{ kind: 'entries'; entries: readonly InboxEntry[] } | Unavailable>;
  /** Ends the inbox: appends are answered `reaped`, the log is removed. `superseded`: another node has taken the lock. */
  finish(lock: ReaperLock): Promise<{ kind: 'finished' } | { kind: 'superseded' } | Unavailable>;
}

export interface NodeRecord {
  readonly node: NodeId;
  readonly region: string;
  /** Public URL for clients; empty when none is configured. */
  readonly url: string;
  readonly connections: number;
  /** Milliseconds since 1970 by the store's clock. */
  readonly leaseUntil: number;
  readonly since: number;
  /** Since when the lease has always been renewed before half of it was over. */
  readonly steadySince: number;
  /** `dead`: declared dead by another node, and not reaped yet. `reaped`: remembered for a day. */
  readonly state: 'live' | 'draining' | 'dead' | 'reaped';
  /** The envelope version that the node writes, and its release; nodes of 0.1.0 tell neither, and write version 1. */
  readonly v?: number;
  readonly release?: string;
}

/** The nodes of the cluster and their leases, on the store's clock. */
export interface Membership {
  /**
   * Writes or renews this node's lease, and answers the records of all nodes, this one's included. `dead`: others have
   * declared it dead; it must not go on under this id.
   */
  renew(
    record: Pick<NodeRecord, 'node' | 'region' | 'url' | 'connections'> & { state: 'live' | 'draining' },
    leaseMs: number,
  ): Promise<{ kind: 'renewed'; now: number; nodes: readonly NodeRecord[] } | { kind: 'dead' } | Unavailable>;
  /**
   * Declares a node dead whose lease has run out. `refused`: it has not, or `by` has itself been late with a renewal
   * within the last `leaseMs` (after an outage of the store nobody may declare the others dead).
   */
  declareDead(
    dead: NodeId,
    by: NodeId,
    leaseMs: number,
  ): Promise<{ kind: 'declared' } | { kind: 'refused' } | Unavailable>;
  /** A dead node has been reaped. */
  bury(dead: NodeId): Promise<{ kind: 'buried' } | Unavailable>;
  leave(node: NodeId): Promise<{ kind: 'left' } | Unavailable>;
}
