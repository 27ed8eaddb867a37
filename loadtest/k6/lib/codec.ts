/**
 * Frames of the protocol as a load test needs them, written anew from PROTOCOL.md: it runs in k6 as in Node, and does not
 * share a fault with the codec of the relay. What a relay sends and a load test has no use for is skipped.
 */
import { type CborMap, decodeMap, encodeMap } from './cbor.ts';

export const SUBPROTOCOL = 'causeway.v1';

const HEADER_BYTES = 4;
const FIRST_EXTENSION = 0xc0;
const RECEIPT_BYTES = 9;

const Type = { hello: 0x01, ping: 0x07, pong: 0x08, send: 0x10, deliver: 0x11, ack: 0x12, receipt: 0x13 } as const;
/** CBOR, from the relay. */
const CONTROL: Readonly<Record<number, 'welcome' | 'error' | 'goaway' | 'throttle'>> = {
  4: 'welcome',
  5: 'error',
  6: 'goaway',
  20: 'throttle',
};
/** CHALLENGE, PRESENCE, and those of rooms and tunnels that a relay may send. */
const SKIPPED: ReadonlySet<number> = new Set([0x02, 0x1a, 0x21, 0x24, 0x26, 0x27, 0x28, 0x29, 0x2a]);

export const SendFlag = { noStore: 1, noReceipt: 2, afterRefusal: 4 } as const;
export const DeliverFlag = { stored: 1, again: 2 } as const;

/** Names of what RECEIPT says. */
export const STATUS: Readonly<Record<number, string>> = {
  1: 'delivered',
  2: 'queued',
  16: 'offline',
  17: 'rate_limited',
  18: 'too_large',
  19: 'overloaded',
  20: 'unavailable',
  21: 'forbidden',
  22: 'bad_recipient',
  23: 'unconfirmed',
};

export interface Receipt {
  readonly id: bigint;
  readonly status: number;
}

export interface Deliver {
  readonly type: 'deliver';
  readonly seq: number;
  readonly id: bigint;
  readonly flags: number;
  /** UTF-8: as text it would cost more than all the rest of a packet. */
  readonly from: Uint8Array;
  readonly payload: Uint8Array;
}

export type Frame =
  | { readonly type: 'welcome' | 'error' | 'goaway' | 'throttle'; readonly fields: CborMap }
  | { readonly type: 'ping' | 'pong'; readonly data: Uint8Array }
  | { readonly type: 'receipt'; readonly receipts: readonly Receipt[] }
  | Deliver;

/** A frame's bytes with its header filled in, and the view to write the body through. */
function frame(type: number, bodyBytes: number): [Uint8Array<ArrayBuffer>, DataView] {
  const bytes = new Uint8Array(HEADER_BYTES + bodyBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bodyBytes);
  view.setUint8(0, type);
  return [bytes, view];
}

export function encodeHello(fields: CborMap): Uint8Array<ArrayBuffer> {
  const body = encodeMap(fields);
  const [bytes] = frame(Type.hello, body.length);
  bytes.set(body, HEADER_BYTES);
  return bytes;
}

export function encodeSend(id: bigint, flags: number, to: Uint8Array, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const [bytes, view] = frame(Type.send, 10 + to.length + payload.length);
  view.setBigUint64(HEADER_BYTES, id);
  view.setUint8(HEADER_BYTES + 8, flags);
  view.setUint8(HEADER_BYTES + 9, to.length);
  bytes.set(to, HEADER_BYTES + 10);
  bytes.set(payload, HEADER_BYTES + 10 + to.length);
  return bytes;
}

export function encodeAck(seq: number): Uint8Array<ArrayBuffer> {
  const [bytes, view] = frame(Type.ack, 4);
  view.setUint32(HEADER_BYTES, seq);
  return bytes;
}

export function encodePing(kind: 'ping' | 'pong', data: Uint8Array): Uint8Array<ArrayBuffer> {
  const [bytes] = frame(Type[kind], data.length);
  bytes.set(data, HEADER_BYTES);
  return bytes;
}

function readDeliver(body: Uint8Array, view: DataView): Deliver {
  const fromEnd = 14 + (body.length < 14 ? 0 : view.getUint8(13));
  if (body.length < fromEnd) throw new Error('DELIVER is too short');
  return {
    type: 'deliver',
    seq: view.getUint32(0),
    id: view.getBigUint64(4),
    flags: view.getUint8(12),
    from: body.subarray(14, fromEnd),
    payload: body.subarray(fromEnd),
  };
}

function readReceipts(body: Uint8Array, view: DataView): Frame {
  const count = body.length / RECEIPT_BYTES;
  if (!Number.isInteger(count) || count === 0) throw new Error('RECEIPT is of a wrong length');
  const receipts = Array.from({ length: count }, (_, index) => ({
    id: view.getBigUint64(index * RECEIPT_BYTES),
    status: view.getUint8(index * RECEIPT_BYTES + 8),
  }));
  return { type: 'receipt', receipts };
}

function readFrame(type: number, body: Uint8Array): Frame | null {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  if (type === Type.deliver) return readDeliver(body, view);
  if (type === Type.receipt) return readReceipts(body, view);
  if (type === Type.ping || type === Type.pong) {
    if (body.length !== 8) throw new Error('PING and PONG have 8 bytes');
    return { type: type === Type.ping ? 'ping' : 'pong', data: body };
  }
  const control = CONTROL[type];
  if (control !== undefined) return { type: control, fields: decodeMap(body) };
  if (SKIPPED.has(type) || type >= FIRST_EXTENSION) return null;
  throw new Error(`a relay does not send frames of the type ${type}`);
}

/** The frames of one packet from a relay. @throws Error for a packet that breaks the protocol */
export function decodePacket(packet: Uint8Array): Frame[] {
  if (packet.length === 0) throw new Error('an empty packet');
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const frames: Frame[] = [];
  let at = 0;
  while (at < packet.length) {
    if (packet.length - at < HEADER_BYTES) throw new Error('a frame without its header');
    const [type, length] = [view.getUint8(at), view.getUint32(at) & 0xffffff];
    const end = at + HEADER_BYTES + length;
    if (end > packet.length) throw new Error('a frame that reaches beyond its packet');
    const read = readFrame(type, packet.subarray(at + HEADER_BYTES, end));
    if (read !== null) frames.push(read);
    at = end;
  }
  return frames;
}
