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

export type TunnelAppendReply =
  | { readonly kind: 'ok' }
  /** Over the stream's bytes; the reader makes room. */
  | { readonly kind: 'full' }
  /** The node is dead or has left: it takes nothing any more. */
  | { readonly kind: 'gone' }
  /** The store knows no such node: it is gone for long, or the store has lost it. */
  | { readonly kind: 'missing' }
  | Unavailable;

/** The writing end of a node's stream, for one other node. */
export interface TunnelWriter {
  /**
   * Adds an envelope, which is to be unchanged until the answer. Several may be under way: they may be added in any
   * order. One that was not answered may have been added.
   */
  append(envelope: Uint8Array): Promise<TunnelAppendReply>;
}

/**
 * What nodes hand to each other for tunnels: beside the inbox, so that bulk never stands in front of messages, and not a
 * log: an entry is removed once it was handed over, since a tunnel dies with either of its nodes.
 */
export interface TunnelStreams {
  /**
   * A node's stream is open from `Inbox.open` on until its inbox is ended.
   * @param maxBytes bytes of envelopes that may wait in it; what is under way when they are reached comes on top
   */
  writer(to: NodeId, maxBytes: number): TunnelWriter;
  /**
   * Hands envelopes over in the order in which they were added, as soon as they are, until `stop`. After a fault of the
   * store some may come again, and some may never come: what they say of their place tells.
   */
  start(node: NodeId, onEnvelopes: (envelopes: readonly Uint8Array[]) => void): void;
  stop(): Promise<void>;
}
