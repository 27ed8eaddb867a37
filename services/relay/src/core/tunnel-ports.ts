/** Ports for rooms and tunnels (see ports.ts for the rest). */
import type { NodeId, RealmName } from '@causeway/protocol';
import type { PeerKey } from './address.ts';
import type { Unavailable } from './node-ports.ts';

/** A rendezvous that waits for its second peer. */
export interface Room {
  /** The locator: decimal digits. Not a secret. */
  readonly code: string;
  /** Who opened it. It stays open while the peer reconnects, on whichever node. */
  readonly owner: PeerKey;
  /** The owner's number of the request. */
  readonly ref: number;
  /** Milliseconds since 1970, by the store's clock. */
  readonly expiresAt: number;
}

/** The open rooms of each realm. */
export interface Rooms {
  /**
   * Opens a room under the first locator that is free, of those that `candidates` (48 random bits each) give modulo the
   * number of locators. A locator has 4 digits, and one more whenever more than 1 % of those with so many would be in
   * use. A repeated call with the same arguments finds its own room and answers it again.
   * `full`: the realm has `cap` open rooms. `taken`: none of the candidates is free.
   */
  open(
    realm: RealmName,
    room: Pick<Room, 'owner' | 'ref'>,
    candidates: readonly number[],
    ttlMs: number,
    cap: number,
  ): Promise<
    | { readonly kind: 'opened'; readonly room: Room }
    | { readonly kind: 'full' }
    | { readonly kind: 'taken' }
    | Unavailable
  >;
  /** Takes the room away: it pairs once. `none`: unknown, taken or expired. A repeated call answers `none`. */
  take(
    realm: RealmName,
    code: string,
  ): Promise<{ readonly kind: 'taken'; readonly room: Room } | { readonly kind: 'none' } | Unavailable>;
  /** Puts a taken room back whose owner could not be reached, until it expires. Nothing happens if its code is in use again. */
  putBack(realm: RealmName, room: Room): Promise<{ readonly kind: 'put_back' } | Unavailable>;
}

export interface TunnelAppend {
  readonly from: NodeId;
  readonly to: NodeId;
  /** Counts from 1. It grows when the sender begins anew because something of the run before may be lost. */
  readonly run: number;
  /** Counts the envelopes of a run from 1. */
  readonly sequence: number;
  /** Unchanged until the answer. */
  readonly envelope: Uint8Array;
  /** Bytes of envelopes that may wait in the stream. */
  readonly maxBytes: number;
}

export type TunnelAppendReply =
  | { readonly kind: 'ok' }
  /** This envelope, or a later run, was appended before. */
  | { readonly kind: 'dup' }
  /** What came before in this run is not there: the store has lost it. Only a new run goes on. */
  | { readonly kind: 'gap' }
  /** Over the stream's bytes; the reader makes room. */
  | { readonly kind: 'full' }
  /** The node is dead or has left: it takes nothing any more. */
  | { readonly kind: 'gone' }
  /** The store knows no such node: it is gone for long, or the store has lost it. */
  | { readonly kind: 'missing' }
  | Unavailable;

/**
 * What nodes hand to each other for tunnels: beside the inbox, so that bulk never stands in front of messages, and not a
 * log: an entry is removed once it was handed over, since a tunnel dies with either of its nodes.
 */
export interface TunnelStreams {
  /** Exactly once and in order within a run. A node's stream is open from `Inbox.open` on until its inbox is ended. */
  append(append: TunnelAppend): Promise<TunnelAppendReply>;
  /**
   * Hands envelopes over in order, as soon as they arrive, until `stop`. After a fault of the store some may come again,
   * and some may never come: their run and sequence tell.
   */
  start(node: NodeId, onEnvelopes: (envelopes: readonly Uint8Array[]) => void): void;
  stop(): Promise<void>;
}
