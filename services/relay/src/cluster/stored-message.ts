import { type MessageId, messageId, type PeerId } from '@causeway/protocol';
import type { MailboxEntry, MailboxId, Removed, Stored, StoredMessage } from '../core/ports.ts';
import { bytes, list, number, type Reply, text } from './commands.ts';

/** A mailbox entry's data: id u64, flags u8, payload. The sender stands in a field of its own, for the scripts. */
const ID_BYTES = 8;
const HEAD_BYTES = ID_BYTES + 1;
const AGAIN = 1;

export function encodeMessage(message: StoredMessage): Buffer {
  const data = Buffer.allocUnsafe(HEAD_BYTES + message.payload.length);
  data.writeBigUInt64BE(BigInt(message.id), 0);
  data[ID_BYTES] = message.again ? AGAIN : 0;
  data.set(message.payload, HEAD_BYTES);
  return data;
}

/** The scripts' arguments for messages: sender and data of each. */
export function messageArgs(messages: readonly StoredMessage[]): (string | Buffer)[] {
  const args: (string | Buffer)[] = [];
  for (const message of messages) args.push(message.from, encodeMessage(message));
  return args;
}

function decodeEntry(entry: string, from: string, data: Buffer): MailboxEntry {
  const id: MessageId = messageId(data.readBigUInt64BE(0));
  const again = ((data[ID_BYTES] as number) & AGAIN) !== 0;
  return { entry: entry as MailboxId, id, from: from as PeerId, payload: data.subarray(HEAD_BYTES), again };
}

/** Reads `{id, from, data, ...}`. */
export function readEntries(reply: Reply): MailboxEntry[] {
  const flat = list(reply);
  const entries: MailboxEntry[] = [];
  for (let at = 0; at < flat.length; at += 3) {
    entries.push(decodeEntry(text(flat[at]), text(flat[at + 1]), bytes(flat[at + 2])));
  }
  return entries;
}

/** Reads `{id, bytes, ...}`. */
export function readRemoved(reply: Reply | undefined): Removed[] {
  const flat = list(reply);
  const removed: Removed[] = [];
  for (let at = 0; at < flat.length; at += 2) {
    removed.push({ entry: text(flat[at]) as MailboxId, bytes: number(flat[at + 1]) });
  }
  return removed;
}

/** Reads `{'stored', count, ms, n, evicted, ...}`: the ids of one write are consecutive. */
export function readStored(reply: readonly Reply[]): Stored {
  const count = number(reply[1]);
  const ms = number(reply[2]);
  const n = number(reply[3]);
  const entries = Array.from({ length: count }, (_, index) => `${ms}-${n + index}` as MailboxId);
  return { kind: 'stored', count, entries, evicted: readRemoved(reply[4]) };
}
