/** Ports of those who look after single peers, and of relays that are not ours (see ports.ts for the rest). */
import type { PeerKey } from './address.ts';
import type { Gauges } from './gauges.ts';
import type { Unavailable } from './node-ports.ts';
import type { Location, MailboxId, Removed, ReservationLimits } from './records.ts';

/** What the store knows of one peer. */
export interface PeerRecord {
  /** Null while the peer is offline. */
  readonly owner: Location | null;
  /** Null when there is none, or it has ended. */
  readonly reservation: { readonly expiresAt: number; readonly limits: ReservationLimits } | null;
  readonly mailbox: {
    readonly messages: number;
    readonly bytes: number;
    /** Milliseconds since 1970; null for an empty mailbox. */
    readonly oldestAt: number | null;
  };
}

/** For the operator; of no use on the message path. */
export interface Peers {
  /** `record` is null when nothing is known of the peer. */
  look(key: PeerKey, mailboxTtlMs: number): Promise<{ kind: 'looked'; record: PeerRecord | null } | Unavailable>;
  /**
   * Removes at most `count` of the oldest entries up to and with `upTo` (empty: the last one there is now). `upTo` of the
   * answer bounds the next call, so that what comes in meanwhile is not reached; it is null when nothing is left up to it.
   * An owner that reads the mailbox finds less in it, and may still remove what is gone.
   */
  purge(
    key: PeerKey,
    upTo: MailboxId | '',
    count: number,
  ): Promise<{ kind: 'purged'; removed: readonly Removed[]; upTo: MailboxId | null } | Unavailable>;
  /**
   * Removes at most `count` mailbox entries, and with the last of them all that is kept of the peer itself: the
   * location, the reservation, its bucket. Who watches it stays known. `online`: it has an owner; nothing was removed.
   */
  erase(
    key: PeerKey,
    count: number,
  ): Promise<{ kind: 'erased' | 'more'; removed: readonly Removed[] } | { kind: 'online' } | Unavailable>;
}

/** That a peer is at a relay which is not ours. */
export interface ForeignReservation {
  /** The relay, as it calls itself. */
  readonly holder: string;
  /** The fencing token: the higher one wins. The nodes count theirs in microseconds since 1970. */
  readonly epoch: number;
  /** Milliseconds since 1970, by the store's clock. */
  readonly expiresAt: number;
  /** Of the holder's own. */
  readonly data: string;
}

/** Reservations in one order of epochs with the registrations of our own nodes, which never ask for these. */
export interface ForeignReservations {
  /**
   * Writes the reservation, or extends it. `conflict`: a peer of another holder, or the registration on a node, has this
   * epoch or a higher one, or the same holder has a higher one.
   */
  put(
    key: PeerKey,
    reservation: Omit<ForeignReservation, 'expiresAt'>,
    ttlMs: number,
  ): Promise<{ kind: 'put'; expiresAt: number } | { kind: 'conflict'; epoch: number } | Unavailable>;
  /** The one with the higher epoch, of the foreign reservation and the registration on a node; null for none. */
  get(
    key: PeerKey,
  ): Promise<{ kind: 'got'; reservation: (ForeignReservation & { readonly native: boolean }) | null } | Unavailable>;
  /** `conflict`: it has a higher epoch. */
  delete(
    key: PeerKey,
    epoch: number,
  ): Promise<{ kind: 'deleted' } | { kind: 'missing' } | { kind: 'conflict'; epoch: number } | Unavailable>;
}

/** What a peer was shown and has not acknowledged. */
export interface WindowState {
  readonly messages: number;
  readonly bytes: number;
}

/** What a node tells of itself. */
export interface NodeLoad extends Gauges {
  /** Milliseconds that a probe through its own inbox takes; null when it does not come back in time. */
  readonly lagMs: number | null;
}

/** A question to one node, and its answer; each goes as a notice, so either may be lost. */
export type Question = { readonly about: 'load' } | { readonly about: 'window'; readonly key: PeerKey };
export type QuestionReply =
  | { readonly about: 'load'; readonly load: NodeLoad }
  | { readonly about: 'window'; readonly window: WindowState | null };
