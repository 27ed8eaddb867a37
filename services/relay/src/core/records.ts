/** What several ports speak of. */
import type { NodeId } from '@causeway/protocol';

/** A registration of one peer on one node. The epoch grows with every registration of the peer: the fencing token. */
export interface Location {
  readonly node: NodeId;
  /** Microseconds; grows strictly with every registration of the peer. */
  readonly epoch: number;
}

/** Limits that a reservation carries; absent means unlimited. */
export interface ReservationLimits {
  readonly messagesPerSecond?: number;
  readonly bytesPerSecond?: number;
}

/** `<ms>-<n>` as in a Redis Stream: the store's time of storing, and a count within that millisecond. */
export type MailboxId = string & { readonly __brand: 'MailboxId' };

/** A removed mailbox entry: its id (which tells when it was stored) and its size in bytes. */
export interface Removed {
  readonly entry: MailboxId;
  readonly bytes: number;
}
