import { type MessageId, type NodeId, type PeerId, SendFlag } from '@causeway/protocol';
import type { PeerKey } from './address.ts';
import type { LoggedEntry } from './inbox-log.ts';
import type { Pending } from './pending.ts';
import type { TraceContext } from './tracer.ts';

/** One message on its way. Its payload is a copy that nobody changes. */
export interface Message {
  readonly id: MessageId;
  /** Bits of SendFlag. */
  readonly flags: number;
  /** The id under which the sender registered. */
  readonly from: PeerId;
  readonly to: PeerKey;
  readonly payload: Uint8Array;
  /** The sender's node, and its connection there: where the receipt goes. */
  readonly origin: NodeId;
  readonly session: number;
  /** How often the sender began again with this recipient on its connection (`after-refusal`). */
  readonly run: number;
  /** The sender's account of it; null when the sender is on another node. */
  readonly pending: Pending | null;
  /** The inbox entry that brought it from another node, which stays in the log until this is settled; else null. */
  readonly entry: LoggedEntry | null;
  /** Counts what this node takes in, so that of two messages of one flow it is known which came first. */
  readonly order: number;
  /** Number of the way on which it came from another node; 0 for a message of this node's senders. */
  readonly path: number;
  /** The trace that it belongs to, and what came last in it; null for most. */
  readonly trace: TraceContext | null;
}

/** A flag that only nodes set, and only among themselves: an earlier owner may have delivered the message already. */
export const AGAIN = 0x80;

export function isAgain(message: Message): boolean {
  return (message.flags & AGAIN) !== 0;
}

export function isStorable(message: Message): boolean {
  return (message.flags & SendFlag.noStore) === 0;
}

/** Bytes that a mailbox counts for a message: payload, sender's name, id. */
export function storedBytes(message: { readonly from: PeerId; readonly payload: Uint8Array }): number {
  return message.payload.length + Buffer.byteLength(message.from) + 8;
}
