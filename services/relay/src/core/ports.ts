/**
 * The interfaces that the outside implements for the core. `embedded/` implements them in memory for one node,
 * `cluster/` on Redis; both pass the contract suites in `test/contract`.
 *
 * A port never rejects for a fault of the store: it resolves to `Unavailable`, and the rule that called it decides
 * whether to try again. Every writing call may be repeated with the same arguments after an unknown outcome: epochs,
 * connection ids, link sequences and writer sequences make the second one a no-op with the first one's answer.
 */
import type { MessageId, NodeId, PeerId, RealmName } from '@causeway/protocol';
import type { PeerKey } from './address.ts';
import type { BucketStore } from './bucket-ports.ts';
import type { ForeignReservations, Peers } from './inspection-ports.ts';
import type { Inbox, Links, Membership, Reaping, Unavailable } from './node-ports.ts';
import type { Location, MailboxId, Removed, ReservationLimits } from './records.ts';
import type { Attempts, AuditTrail, Documents, Notices, Tallies, UsageBooks } from './shared-ports.ts';
import type { Rooms, TunnelStreams } from './tunnel-ports.ts';
import type { Snapshots } from './usage-ports.ts';

export type * from './inspection-ports.ts';
export type * from './node-ports.ts';
export type * from './records.ts';

export interface RegisterRequest {
  readonly key: PeerKey;
  readonly node: NodeId;
  /** Unique for each connection; a repeated call with the same one gets the same answer. */
  readonly connection: string;
  /** Hash of the resume secret, lower-case hex of 32 bytes; empty when the client sent none. */
  readonly resumeHash: string;
  /** Client's attempt number; null when it sent none. */
  readonly attempt: number | null;
  /** `open-sticky`: a live reservation with another secret (or none) is refused. */
  readonly sticky: boolean;
  readonly ttlMs: number;
  /** Given to a new reservation; a renewed one keeps its own. */
  readonly limits: ReservationLimits;
  readonly mailboxTtlMs: number;
  /**
   * Epoch of a registration of this connection that the store has lost and that is to be made again: `superseded` if
   * the peer has an owner with a higher one. 0 for a new connection.
   */
  readonly reclaims: number;
}

export interface Registered {
  readonly kind: 'registered';
  readonly epoch: number;
  /** Earlier registrations that have not handed over yet, oldest first; at most 8. */
  readonly prev: readonly Location[];
  readonly renewed: boolean;
  /** Milliseconds since 1970, by the store's clock. */
  readonly expiresAt: number;
  readonly limits: ReservationLimits;
  /** Messages in the mailbox now (expired ones are gone). */
  readonly queued: number;
  /** Mailbox entries at or before this id may have been delivered on an earlier connection; empty when unknown. */
  readonly seen: MailboxId | '';
  /** Nodes that watch the peer. */
  readonly watchers: readonly NodeId[];
}

export type RegisterReply =
  | Registered
  | { readonly kind: 'peer_in_use' }
  /** A newer attempt of the same client (same secret) is already registered, or this connection has ended already. */
  | { readonly kind: 'superseded' }
  /** Eight registrations have not handed over yet. */
  | { readonly kind: 'too_many_handovers' }
  | Unavailable;

/** Caps that a mailbox write applies. */
export interface MailboxLimits {
  readonly messages: number;
  /** Bytes of payload, sender name and id together. */
  readonly bytes: number;
  readonly ttlMs: number;
}

/** What the mailbox keeps of a message. */
export interface StoredMessage {
  readonly id: MessageId;
  readonly from: PeerId;
  readonly payload: Uint8Array;
  /** It was on its way to a client before it was stored. */
  readonly again: boolean;
}

export interface MailboxEntry extends StoredMessage {
  readonly entry: MailboxId;
}

/**
 * Identifies one write of one node: a write with a sequence at or below the last one of that node in this mailbox is a
 * repetition and gets the recorded answer of that last one. Writes of a node to one mailbox go one at a time.
 */
export interface Writer {
  readonly node: NodeId;
  readonly sequence: number;
}

export interface Stored {
  readonly kind: 'stored';
  /** How many of the given messages were stored, from the front; the rest met a full mailbox. */
  readonly count: number;
  /** Ids of the stored ones, in their order. */
  readonly entries: readonly MailboxId[];
  /** Messages that the cap evicted, with the bytes they held, for the ledger and the counters. */
  readonly evicted: readonly Removed[];
}

/** The end of a registration, asked for with its last mailbox write. */
export interface Final {
  /** Last mailbox entry that was delivered on the connection; empty for none. The next owner flags up to it `again`. */
  readonly seen: MailboxId | '';
}

export interface HandedOver {
  /** Who is to act next: the new head of `prev`, or the owner when `prev` is empty; null when the peer is offline now. */
  readonly next: Location | null;
  /** The peer's owner now; null when it is offline. */
  readonly owner: Location | null;
  /** Watchers to tell when the peer went offline by this; empty otherwise. */
  readonly watchers: readonly NodeId[];
}

export type OwnerAppendReply =
  | (Stored & {
      /** Present when `final` was asked for and all messages were stored. */
      readonly handedOver: HandedOver | null;
    })
  /** The registration at the head of `prev` must hand over first. Nothing was stored. */
  | { readonly kind: 'wait'; readonly head: Location }
  /** The registration is neither the owner nor in `prev`: it has ended (a repeated final) or the store lost it. */
  | { readonly kind: 'lost'; readonly owner: Location | null }
  | Unavailable;

export type LocateReply = { readonly kind: 'located'; readonly location: Location } | Stored | Unavailable;

/** Who is where. All of one peer's state is changed atomically. */
export interface Directory {
  register(request: RegisterRequest): Promise<RegisterReply>;

  /**
   * Extends a reservation while its peer is connected. `lost`: there is no such registration (a refresh never creates
   * one).
   */
  refresh(
    key: PeerKey,
    location: Location,
    ttlMs: number,
  ): Promise<{ kind: 'refreshed'; expiresAt: number } | { kind: 'lost' } | Unavailable>;

  /**
   * Returns the location when the peer has an owner or a handover is under way, else appends all messages to its
   * mailbox; never both. With no messages it only looks: `stored` with count 0 means offline.
   * The cap evicts only when the peer has been offline for 2 s or was never seen; until then a full mailbox stores less than all.
   */
  locateOrStore(
    key: PeerKey,
    writer: Writer,
    messages: readonly StoredMessage[],
    limits: MailboxLimits,
  ): Promise<LocateReply>;
}

/** Messages that wait for one peer. */
export interface Mailbox {
  /**
   * The owner's write, or that of the head of `prev`. Never evicts: what does not fit is not stored. With `final` the
   * registration ends in the same step, but only if everything was stored: the owner's location is released (it stays
   * reserved), the head of `prev` is taken off.
   */
  append(
    key: PeerKey,
    location: Location,
    writer: Writer,
    messages: readonly StoredMessage[],
    limits: MailboxLimits,
    final: Final | null,
  ): Promise<OwnerAppendReply>;

  /** Entries behind `after` (empty: from the start) in order, expired ones left out, at most `count` and about `bytes`. */
  read(
    key: PeerKey,
    after: MailboxId | '',
    count: number,
    bytes: number,
    ttlMs: number,
  ): Promise<{ kind: 'entries'; entries: readonly MailboxEntry[] } | Unavailable>;

  /** Removes acknowledged entries; ids that are gone are ignored. Answers what was there. */
  remove(
    key: PeerKey,
    entries: readonly MailboxId[],
  ): Promise<{ kind: 'removed'; removed: readonly Removed[] } | Unavailable>;
}

/** Net change of one realm's stored messages in one time slice (`slice` = time of storing / slice length). */
export interface LedgerDelta {
  readonly slice: number;
  readonly messages: number;
  readonly bytes: number;
}

/**
 * Bytes held by all mailboxes of a realm, kept in time slices so that what is lost in a crash or expires unseen leaves
 * the account with its slice. A slice that has passed its time is dropped once, by one caller, and what it still held
 * is reported there as expired.
 */
export interface Ledger {
  /** Applies the deltas; those of slices below `oldestSlice` are ignored, and such slices are dropped. */
  update(
    realm: RealmName,
    deltas: readonly LedgerDelta[],
    oldestSlice: number,
    keepMs: number,
  ): Promise<{ kind: 'updated'; bytes: number; expiredMessages: number; expiredBytes: number } | Unavailable>;
}

export interface PresenceState {
  readonly online: boolean;
  /** Milliseconds since 1970 of the last change; 0 when nothing is known. */
  readonly at: number;
  /** Of the last registration; 0 when nothing is known. */
  readonly epoch: number;
  /** The owner's node; empty while the peer is offline. */
  readonly node: NodeId | '';
}

/** Which nodes want to hear of a peer's coming and going. */
export interface Presence {
  /** Adds the node as a watcher for `ttlMs` (to be repeated before it ends) and answers the state now. */
  watch(key: PeerKey, node: NodeId, ttlMs: number): Promise<({ kind: 'state' } & PresenceState) | Unavailable>;
  unwatch(key: PeerKey, node: NodeId): Promise<{ kind: 'unwatched' } | Unavailable>;
}

/** What a store must be like for a node to be ready: reachable, and never evicting keys by itself. */
export interface StoreHealth {
  /** Of a Redis Cluster: how many slots each primary has, as far as this node knows. Empty where there are none. */
  slots(): ReadonlyMap<string, number>;
  check(): Promise<{ kind: 'healthy' } | { kind: 'unhealthy'; reason: string } | Unavailable>;
}

/** What was found among the store's keys. */
export interface KeysAudit {
  readonly kind: 'keys';
  /** Keys looked at. */
  readonly looked: number;
  /** Locations that name the node. */
  readonly located: readonly { readonly key: PeerKey; readonly epoch: number }[];
  /** Keys that have no end and should have one. */
  readonly lasting: readonly string[];
}

/** Tells what the store really holds; for the operator, and of no use on the message path. */
export interface Audit {
  /** Bytes of the entries in a node's inbox (null: too many to count) and those that their account says. */
  inbox(node: NodeId): Promise<{ kind: 'inbox'; account: number; contents: number | null } | Unavailable>;
  /** Looks at about `limit` keys. */
  keys(node: NodeId, limit: number): Promise<KeysAudit | Unavailable>;
}

/** Everything that several nodes share. */
export interface Store {
  readonly directory: Directory;
  readonly mailbox: Mailbox;
  readonly ledger: Ledger;
  readonly links: Links;
  readonly inbox: Inbox;
  readonly reaping: Reaping;
  readonly presence: Presence;
  readonly membership: Membership;
  readonly health: StoreHealth;
  readonly audit: Audit;
  readonly documents: Documents;
  readonly notices: Notices;
  readonly auditTrail: AuditTrail;
  readonly attempts: Attempts;
  readonly tallies: Tallies;
  readonly buckets: BucketStore;
  readonly rooms: Rooms;
  readonly tunnels: TunnelStreams;
  readonly usage: UsageBooks;
  readonly snapshots: Snapshots;
  readonly peers: Peers;
  readonly foreignReservations: ForeignReservations;
  /**
   * Has `listener` called after every event that may have cost the store what it had confirmed: a connection that was
   * made again, a primary that another has taken the place of.
   */
  onDisturbed(listener: () => void): void;
  /** Ends all connections to the store. */
  close(): Promise<void>;
}
