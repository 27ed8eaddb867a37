import { FrameType } from './codes.ts';
import type { MessageId } from './ids.ts';
import { writeHeader, writeId, writeU32 } from './layout.ts';
import { FRAME_HEADER_BYTES } from './limits.ts';

/**
 * Writers for the message path. They allocate nothing and check nothing: the target has room for the size that the
 * function beside each names, and numbers and lengths are in range.
 */

/** id:u64 flags:u8 toLen:u8 */
export const SEND_FIXED_BYTES = 10;
/** seq:u32 id:u64 flags:u8 fromLen:u8 */
export const DELIVER_FIXED_BYTES = 14;
/** seq:u32 */
export const ACK_BODY_BYTES = 4;
/** id:u64 status:u8 */
export const RECEIPT_BYTES = 9;

/** tunnel:u32, what stands in a TUNNEL_DATA before its bytes. */
export const TUNNEL_FIXED_BYTES = 4;
/** What stands before the bytes of a TUNNEL_DATA, its header included. */
export const TUNNEL_DATA_HEAD_BYTES = FRAME_HEADER_BYTES + TUNNEL_FIXED_BYTES;

export const ACK_FRAME_BYTES = FRAME_HEADER_BYTES + ACK_BODY_BYTES;

export function sendFrameBytes(toBytes: number, payloadBytes: number): number {
  return FRAME_HEADER_BYTES + SEND_FIXED_BYTES + toBytes + payloadBytes;
}

/** Writes SEND; `to` is UTF-8 of at most 255 bytes. Returns the offset behind it. */
export function writeSendFrame(
  target: Uint8Array,
  offset: number,
  id: MessageId,
  flags: number,
  to: Uint8Array,
  payload: Uint8Array,
): number {
  let at = writeHeader(target, offset, FrameType.send, SEND_FIXED_BYTES + to.length + payload.length);
  at = writeId(target, at, id);
  return writeRest(target, at, flags, to, payload);
}

export function deliverFrameBytes(fromBytes: number, payloadBytes: number): number {
  return FRAME_HEADER_BYTES + DELIVER_FIXED_BYTES + fromBytes + payloadBytes;
}

/** Writes DELIVER; `from` is UTF-8 of at most 255 bytes. Returns the offset behind it. */
export function writeDeliverFrame(
  target: Uint8Array,
  offset: number,
  seq: number,
  id: MessageId,
  flags: number,
  from: Uint8Array,
  payload: Uint8Array,
): number {
  let at = writeHeader(target, offset, FrameType.deliver, DELIVER_FIXED_BYTES + from.length + payload.length);
  at = writeU32(target, at, seq);
  at = writeId(target, at, id);
  return writeRest(target, at, flags, from, payload);
}

/** Writes what stands before `bytes` bytes in a TUNNEL_DATA. Returns the offset behind it. */
export function writeTunnelDataHead(target: Uint8Array, offset: number, tunnel: number, bytes: number): number {
  return writeU32(target, writeHeader(target, offset, FrameType.tunnel_data, TUNNEL_FIXED_BYTES + bytes), tunnel);
}

function writeRest(target: Uint8Array, at: number, flags: number, peer: Uint8Array, payload: Uint8Array): number {
  target[at] = flags;
  target[at + 1] = peer.length;
  const payloadAt = at + 2 + peer.length;
  target.set(peer, at + 2);
  target.set(payload, payloadAt);
  return payloadAt + payload.length;
}

/** Writes ACK, of ACK_FRAME_BYTES. Returns the offset behind it. */
export function writeAckFrame(target: Uint8Array, offset: number, seq: number): number {
  return writeU32(target, writeHeader(target, offset, FrameType.ack, ACK_BODY_BYTES), seq);
}

export function receiptFrameBytes(count: number): number {
  return FRAME_HEADER_BYTES + count * RECEIPT_BYTES;
}

/** Writes one RECEIPT for ids[from, to) and their statuses, at least one. Returns the offset behind it. */
export function writeReceiptFrame(
  target: Uint8Array,
  offset: number,
  ids: readonly MessageId[],
  statuses: readonly number[],
  from: number,
  to: number,
): number {
  let at = writeHeader(target, offset, FrameType.receipt, (to - from) * RECEIPT_BYTES);
  for (let i = from; i < to; i++) {
    at = writeId(target, at, ids[i] as MessageId);
    target[at++] = statuses[i] as number;
  }
  return at;
}
