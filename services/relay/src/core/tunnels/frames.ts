/**
 * What nodes tell each other about tunnels: one envelope is one entry of the recipient node's stream.
 *
 *   envelope   version:u8  sender:str8  run:u48  sequence:u48  settled:u48  frame...
 *   frame      type:u8  length:u32  body[length]
 *
 * `sequence` counts the envelopes of a run of the sender from 1. Up to `settled` the store has told the sender that it
 * has them. `run` counts from 1, too, and grows when the sender begins anew because something of the run before may be
 * lost. Each node calls an end of its own by a number, and is told which one is meant. str8 is a length byte and that
 * much UTF-8; integers are big-endian.
 */
import type { NodeId } from '@causeway/protocol';
import type { PeerKey } from '../address.ts';
import { FieldReader } from '../node-frame-reader.ts';
import { FrameWriter, NODE_FRAME_HEADER_BYTES, text8 } from '../node-frames.ts';
import type { Call, CallKind, Refusal } from './call.ts';

export const TUNNEL_ENVELOPE_VERSION = 1;

export const TunnelFrame = {
  /** caller:u48 kind:u8 ref:u64 from:str8 to:str8 meta[rest]: the end `caller` asks for a tunnel to a peer */
  call: 1,
  /** caller:u48 callee:u48: it is open; the other end is `callee` */
  accepted: 2,
  /** caller:u48 refusal:u8 reason:str8: it is not */
  refused: 3,
  /** caller:u48: the call is not wanted any more */
  withdrawn: 4,
  /** to:u48 bytes[rest] */
  data: 5,
  /** to:u48 bytes:u48 */
  credit: 6,
  /** to:u48 */
  end: 7,
  /** to:u48 reason:str8 */
  close: 8,
} as const;

/** Bytes of a `data` frame beside those that it carries. */
export const DATA_OVERHEAD_BYTES = NODE_FRAME_HEADER_BYTES + 6;

const KINDS: readonly CallKind[] = ['peer', 'room'];
const REFUSALS: readonly Refusal[] = ['offline', 'declined', 'full', 'unavailable'];

export function encodeCall(caller: number, { kind, ref, from, to, meta }: Call): Buffer {
  const size = 6 + 1 + 8 + text8(from) + text8(to) + meta.length;
  return new FrameWriter(TunnelFrame.call, size)
    .u48(caller)
    .u8(KINDS.indexOf(kind))
    .u64(ref)
    .text(from)
    .text(to)
    .raw(meta).bytes;
}

export function readCall(body: FieldReader): { caller: number; call: Call } {
  const caller = body.u48();
  const kind = KINDS[body.u8()] ?? 'peer';
  // A safe integer: the client's frame held no other.
  const ref = Number(body.u64());
  const from = body.peer();
  const to = body.text() as PeerKey;
  return { caller, call: { kind, ref, from, to, meta: body.rest() } };
}

export function encodeAccepted(caller: number, callee: number): Buffer {
  return new FrameWriter(TunnelFrame.accepted, 12).u48(caller).u48(callee).bytes;
}

export function encodeRefused(caller: number, refusal: Refusal, reason: string): Buffer {
  const size = 7 + text8(reason);
  return new FrameWriter(TunnelFrame.refused, size).u48(caller).u8(REFUSALS.indexOf(refusal)).text(reason).bytes;
}

export function readRefusal(body: FieldReader): { refusal: Refusal; reason: string } {
  return { refusal: REFUSALS[body.u8()] ?? 'unavailable', reason: body.text() };
}

export function encodeWithdrawn(caller: number): Buffer {
  return new FrameWriter(TunnelFrame.withdrawn, 6).u48(caller).bytes;
}

export function encodeCredit(to: number, bytes: number): Buffer {
  return new FrameWriter(TunnelFrame.credit, 12).u48(to).u48(bytes).bytes;
}

export function encodeEnd(to: number): Buffer {
  return new FrameWriter(TunnelFrame.end, 6).u48(to).bytes;
}

export function encodeClose(to: number, reason: string): Buffer {
  return new FrameWriter(TunnelFrame.close, 6 + text8(reason)).u48(to).text(reason).bytes;
}

/** Where an envelope belongs among all of its sender. */
export interface EnvelopePlace {
  readonly run: number;
  readonly sequence: number;
  readonly settled: number;
}

export interface TunnelEnvelope extends EnvelopePlace {
  readonly sender: NodeId;
  readonly frames: FieldReader;
}

/** Null for a version that this node does not read, and for bytes that are no envelope. */
export function readTunnelEnvelope(bytes: Uint8Array): TunnelEnvelope | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const reader = new FieldReader(buffer, 0, buffer.length);
  try {
    if (reader.u8() !== TUNNEL_ENVELOPE_VERSION) return null;
    const sender = reader.node();
    return { sender, run: reader.u48(), sequence: reader.u48(), settled: reader.u48(), frames: reader };
  } catch {
    return null;
  }
}

/** The beginning of an envelope. */
export function encodeHead(sender: NodeId, { run, sequence, settled }: EnvelopePlace): Buffer {
  const name = Buffer.byteLength(sender);
  const head = Buffer.allocUnsafe(2 + name + 18);
  head[0] = TUNNEL_ENVELOPE_VERSION;
  head[1] = name;
  head.write(sender, 2);
  let at = 2 + name;
  for (const number of [run, sequence, settled]) at = head.writeUIntBE(number, at, 6);
  return head;
}

/** What stands before the bytes in a `data` frame. */
export function encodeDataHead(to: number, bytes: number): Buffer {
  const head = Buffer.allocUnsafe(DATA_OVERHEAD_BYTES);
  head[0] = TunnelFrame.data;
  head.writeUInt32BE(6 + bytes, 1);
  head.writeUIntBE(to, NODE_FRAME_HEADER_BYTES, 6);
  return head;
}
