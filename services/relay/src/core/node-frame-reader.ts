import type { MessageId, NodeId, PeerId } from '@causeway/protocol';
import type { PeerKey } from './address.ts';
import type { LoggedEntry } from './inbox-log.ts';
import type { Message } from './message.ts';
import { ENVELOPE_VERSION, NodeFrame, OLDEST_VERSION } from './node-frames.ts';
import type { TraceContext } from './tracer.ts';

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

  hex(bytes: number): string {
    const at = this.step(bytes);
    return this.bytes.toString('hex', at, at + bytes);
  }

  /** A copy: the bytes read from Redis are a slice of a larger buffer, which a message must not keep alive. */
  rest(): Buffer {
    return Buffer.from(this.bytes.subarray(this.step(this.end - this.at), this.end));
  }

  /** As `rest`, without a copy: valid as long as the reply that it came in, and not to be kept. */
  view(): Uint8Array {
    return this.bytes.subarray(this.step(this.end - this.at), this.end);
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
    if (version < OLDEST_VERSION || version > ENVELOPE_VERSION) return null;
    return { version, sender: reader.node(), first: reader.u48(), ack: reader.u48(), frames: reader };
  } catch {
    return null;
  }
}

/** The body of a `message`, or the rest of a `returned`. */
export function readMessage(
  body: FieldReader,
  origin: NodeId,
  order: number,
  entry: LoggedEntry | null,
  trace: TraceContext | null = null,
): Message {
  const path = body.u48();
  const session = body.u32();
  const run = body.u16();
  const id = body.u64();
  const flags = body.u8();
  const to = body.key();
  const from = body.peer();
  const payload = body.rest();
  return { id, flags, from, to, payload, origin, session, run, order, pending: null, entry, path, trace };
}

/** The body of a `trace`. */
export function readTrace(body: FieldReader): TraceContext {
  return { traceId: body.hex(16), spanId: body.hex(8) };
}

/** The message in a frame that this node has written itself; null for a frame of another kind. */
export function readMessageFrame(frame: Buffer, origin: NodeId): Message | null {
  const { type, body } = new FieldReader(frame, 0, frame.length).frame();
  return type === NodeFrame.message ? readMessage(body, origin, 0, null) : null;
}
