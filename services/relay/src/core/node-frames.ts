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
import type { MessageId, NodeId } from '@causeway/protocol';
import type { PeerKey } from './address.ts';
import type { Message } from './message.ts';
import type { Location } from './ports.ts';
import type { TraceContext } from './tracer.ts';

/** The version that this node writes. It also reads the one before, as long as that is not below `OLDEST_VERSION`. */
export const ENVELOPE_VERSION = 1;
export const OLDEST_VERSION = 1;
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
  /**
   * trace:16 bytes span:8 bytes: the trace that the message in the next frame belongs to. Only before one that is
   * recorded; a node that does not read it passes over it, and the trace ends there.
   */
  trace: 9,
} as const;

export interface PresenceChange {
  readonly key: PeerKey;
  readonly online: boolean;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Of the registration that came or went. */
  readonly epoch: number;
}

/** Writes one frame's fields one after another; the body's length is known beforehand. */
export class FrameWriter {
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

  hex(value: string): this {
    this.at += this.bytes.write(value, this.at, 'hex');
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

/** Bytes of a str8. */
export const text8 = (value: string): number => 1 + Buffer.byteLength(value);

function messageBytes(message: Message): number {
  return 21 + text8(message.to) + text8(message.from) + message.payload.length;
}

function writeMessage(writer: FrameWriter, message: Message, path: number): Buffer {
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
  return writeMessage(new FrameWriter(NodeFrame.message, messageBytes(message)), message, path);
}

const TRACE_BYTES = 24;

export function encodeTrace({ traceId, spanId }: TraceContext): Buffer {
  return new FrameWriter(NodeFrame.trace, TRACE_BYTES).hex(traceId).hex(spanId).bytes;
}

export function encodeReturned(message: Message, owner: Location | null): Buffer {
  const node = owner?.node ?? '';
  const writer = new FrameWriter(NodeFrame.returned, 8 + text8(node) + messageBytes(message));
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
    const frame = new FrameWriter(NodeFrame.receipts, this.used).raw(this.bytes.subarray(0, this.used)).bytes;
    this.used = 0;
    return frame;
  }
}

export function encodeHandover(key: PeerKey, epoch: number): Buffer {
  return new FrameWriter(NodeFrame.handover, 8 + text8(key)).u64(epoch).text(key).bytes;
}

export function encodeTurn(key: PeerKey, epoch: number): Buffer {
  return new FrameWriter(NodeFrame.turn, 8 + text8(key)).u64(epoch).text(key).bytes;
}

export function encodePresence(change: PresenceChange): Buffer {
  return new FrameWriter(NodeFrame.presence, 15 + text8(change.key))
    .u8(change.online ? 1 : 0)
    .u48(change.at)
    .u64(change.epoch)
    .text(change.key).bytes;
}

export function encodeEcho(nonce: number): Buffer {
  return new FrameWriter(NodeFrame.echo, 6).u48(nonce).bytes;
}

export function encodeEmpty(type: typeof NodeFrame.none | typeof NodeFrame.probe): Buffer {
  return new FrameWriter(type, 0).bytes;
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
