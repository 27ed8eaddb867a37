/**
 * What nodes tell each other, packed into envelopes: one envelope is one entry of the recipient node's inbox.
 *
 *   envelope   version:u8  sender:str8  first:u48  ack:u48  frame...
 *   frame      type:u8  length:u32  body[length]
 *
 * `first` is the sequence of the first frame on the link from the sender; each frame counts. `ack` is the last frame
 * that the sender has read on the opposite link. str8 is a length byte and that much UTF-8; integers are big-endian;
 * epochs take u64.
 */
import type { MessageId, NodeId, PeerId } from '@causeway/protocol';
import type { PeerKey } from './address.ts';
import type { Message } from './message.ts';
import type { Location } from './ports.ts';

export const ENVELOPE_VERSION = 1;
export const NODE_FRAME_HEADER_BYTES = 5;

export const NodeFrame = {
  /** Nothing: stands for a frame that was taken back, or carries an `ack`. */
  none: 0,
  /** path:u48 session:u32 run:u16 id:u64 flags:u8 to:str8 from:str8 payload[rest] */
  message: 1,
  /** (session:u32 id:u64 status:u8)... */
  receipts: 2,
  /** epoch:u64 node:str8, then as in `message`: the peer is not here; the owner it went to, or an empty node */
  returned: 3,
  /** epoch:u64 key:str8: hand over the registration with `epoch` to those after it */
  handover: 4,
  /** epoch:u64 key:str8: everyone before the registration with `epoch` has handed over */
  turn: 5,
  /** online:u8 at:u48 epoch:u64 key:str8 */
  presence: 6,
  /** Nothing: asks for an `ack`. */
  probe: 7,
  /** nonce:u48: a node's probe of its own inbox */
  echo: 8,
} as const;

export interface PresenceChange {
  readonly key: PeerKey;
  readonly online: boolean;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Of the registration that came or went. */
  readonly epoch: number;
}

class Writer {
  readonly bytes: Buffer;
  private at = NODE_FRAME_HEADER_BYTES;

  constructor(type: number, bodyBytes: number) {
    this.bytes = Buffer.allocUnsafe(NODE_FRAME_HEADER_BYTES + bodyBytes);
    this.bytes[0] = type;
    this.bytes.writeUInt32BE(bodyBytes, 1);
  }

  u8(value: number): this {
    this.bytes[this.at] = value;
    this.at += 1;
    return this;
  }

  u16(value: number): this {
    this.at = this.bytes.writeUInt16BE(value, this.at);
    return this;
  }

  u32(value: number): this {
    this.at = this.bytes.writeUInt32BE(value, this.at);
    return this;
  }

  u48(value: number): this {
    this.at = this.bytes.writeUIntBE(value, this.at, 6);
    return this;
  }

  u64(value: MessageId): this {
    this.at = writeU64(this.bytes, this.at, value);
    return this;
  }

  text(value: string): this {
    const length = this.bytes.write(value, this.at + 1);
    this.bytes[this.at] = length;
    this.at += 1 + length;
    return this;
  }

  raw(value: Uint8Array): this {
    this.bytes.set(value, this.at);
    this.at += value.length;
    return this;
  }
}

function writeU64(target: Buffer, offset: number, value: MessageId): number {
  if (typeof value === 'bigint') return target.writeBigUInt64BE(value, offset);
  const high = Math.floor(value / 0x1_0000_0000);
  target.writeUInt32BE(high, offset);
  return target.writeUInt32BE(value - high * 0x1_0000_0000, offset + 4);
}

const text8 = (value: string): number => 1 + Buffer.byteLength(value);

function messageBytes(message: Message): number {
  return 21 + text8(message.to) + text8(message.from) + message.payload.length;
}

function writeMessage(writer: Writer, message: Message, path: number): Buffer {
  return writer
    .u48(path)
    .u32(message.session)
    .u16(message.run)
    .u64(message.id)
    .u8(message.flags)
    .text(message.to)
    .text(message.from)
    .raw(message.payload).bytes;
}

export function encodeMessage(message: Message, path: number): Buffer {
  return writeMessage(new Writer(NodeFrame.message, messageBytes(message)), message, path);
}

export function encodeReturned(message: Message, owner: Location | null): Buffer {
  const node = owner?.node ?? '';
  const writer = new Writer(NodeFrame.returned, 8 + text8(node) + messageBytes(message));
  return writeMessage(writer.u64(owner?.epoch ?? 0).text(node), message, message.path);
}

export const NODE_RECEIPT_BYTES = 13;

/** Receipts that travel to one node, collected until the next append takes them. */
export class ReceiptsBuilder {
  private bytes = Buffer.allocUnsafe(64 * NODE_RECEIPT_BYTES);
  private used = 0;

  get count(): number {
    return this.used / NODE_RECEIPT_BYTES;
  }

  add(session: number, id: MessageId, status: number): void {
    if (this.used + NODE_RECEIPT_BYTES > this.bytes.length) {
      this.bytes = Buffer.concat([this.bytes], this.bytes.length * 2);
    }
    this.bytes.writeUInt32BE(session, this.used);
    writeU64(this.bytes, this.used + 4, id);
    this.bytes[this.used + 12] = status;
    this.used += NODE_RECEIPT_BYTES;
  }

  take(): Buffer {
    const frame = new Writer(NodeFrame.receipts, this.used).raw(this.bytes.subarray(0, this.used)).bytes;
    this.used = 0;
    return frame;
  }
}

export function encodeHandover(key: PeerKey, epoch: number): Buffer {
  return new Writer(NodeFrame.handover, 8 + text8(key)).u64(epoch).text(key).bytes;
}

export function encodeTurn(key: PeerKey, epoch: number): Buffer {
  return new Writer(NodeFrame.turn, 8 + text8(key)).u64(epoch).text(key).bytes;
}

export function encodePresence(change: PresenceChange): Buffer {
  return new Writer(NodeFrame.presence, 15 + text8(change.key))
    .u8(change.online ? 1 : 0)
    .u48(change.at)
    .u64(change.epoch)
    .text(change.key).bytes;
}

export function encodeEcho(nonce: number): Buffer {
  return new Writer(NodeFrame.echo, 6).u48(nonce).bytes;
}

export function encodeEmpty(type: typeof NodeFrame.none | typeof NodeFrame.probe): Buffer {
  return new Writer(type, 0).bytes;
}

export function encodeEnvelope(
  sender: NodeId,
  first: number,
  ack: number,
  frames: readonly { readonly bytes: Buffer }[],
): Buffer {
  const name = Buffer.byteLength(sender);
  let size = 14 + name;
  for (const frame of frames) size += frame.bytes.length;
  const out = Buffer.allocUnsafe(size);
  out[0] = ENVELOPE_VERSION;
  out[1] = name;
  out.write(sender, 2);
  out.writeUIntBE(first, 2 + name, 6);
  out.writeUIntBE(ack, 8 + name, 6);
  let at = 14 + name;
  for (const frame of frames) {
    out.set(frame.bytes, at);
    at += frame.bytes.length;
  }
  return out;
}

/** Reads fields one after another; reading beyond the end throws RangeError, which `readEnvelope` turns into a result. */
export class FieldReader {
  private readonly bytes: Buffer;
  private at: number;
  readonly end: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get more(): boolean {
    return this.at < this.end;
  }

  u8(): number {
    return this.bytes.readUInt8(this.step(1));
  }

  u16(): number {
    return this.bytes.readUInt16BE(this.step(2));
  }

  u32(): number {
    return this.bytes.readUInt32BE(this.step(4));
  }

  u48(): number {
    return this.bytes.readUIntBE(this.step(6), 6);
  }

  u64(): MessageId {
    const at = this.step(8);
    const high = this.bytes.readUInt32BE(at);
    if (high < 0x20_0000) return high * 0x1_0000_0000 + this.bytes.readUInt32BE(at + 4);
    return this.bytes.readBigUInt64BE(at);
  }

  epoch(): number {
    return Number(this.u64());
  }

  text(): string {
    const length = this.u8();
    const at = this.step(length);
    return this.bytes.toString('utf8', at, at + length);
  }

  node(): NodeId {
    return this.text() as NodeId;
  }

  key(): PeerKey {
    return this.text() as PeerKey;
  }

  peer(): PeerId {
    return this.text() as PeerId;
  }

  /** A copy: the bytes read from Redis are a slice of a larger buffer, which a message must not keep alive. */
  rest(): Buffer {
    return Buffer.from(this.bytes.subarray(this.step(this.end - this.at), this.end));
  }

  frame(): { type: number; body: FieldReader } {
    const type = this.u8();
    const length = this.u32();
    const at = this.step(length);
    return { type, body: new FieldReader(this.bytes, at, at + length) };
  }

  private step(bytes: number): number {
    const at = this.at;
    if (at + bytes > this.end) throw new RangeError('an envelope ends in the middle of a field');
    this.at = at + bytes;
    return at;
  }
}

export interface EnvelopeHead {
  readonly version: number;
  readonly sender: NodeId;
  readonly first: number;
  readonly ack: number;
  readonly frames: FieldReader;
}

/** Null for a version that this node does not read, and for bytes that are no envelope. */
export function readEnvelope(bytes: Uint8Array): EnvelopeHead | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const reader = new FieldReader(buffer, 0, buffer.length);
  try {
    const version = reader.u8();
    if (version !== ENVELOPE_VERSION) return null;
    return { version, sender: reader.node(), first: reader.u48(), ack: reader.u48(), frames: reader };
  } catch {
    return null;
  }
}
