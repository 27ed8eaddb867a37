import { encodeCbor } from './cbor.ts';
import { FrameType } from './codes.ts';
import type { Frame, PingFrame, PongFrame, ReceiptFrame, SendFrame } from './frames.ts';
import { writeHeader, writeU32 } from './layout.ts';
import { FRAME_HEADER_BYTES } from './limits.ts';
import { encodeUtf8 } from './utf8.ts';
import {
  ACK_FRAME_BYTES,
  deliverFrameBytes,
  receiptFrameBytes,
  sendFrameBytes,
  writeAckFrame,
  writeDeliverFrame,
  writeReceiptFrame,
  writeSendFrame,
} from './write.ts';

/**
 * Encodes any frame in the binary form; CBOR bodies are deterministic.
 * @throws RangeError for a SEND without an id, which only the JSON form knows.
 */
export function encodeFrame(frame: Frame): Uint8Array {
  switch (frame.type) {
    case 'ping':
    case 'pong':
      return encodePing(frame);
    case 'send':
      return encodeSend(frame);
    case 'deliver': {
      const from = encodeUtf8(frame.from);
      const target = new Uint8Array(deliverFrameBytes(from.length, frame.payload.length));
      writeDeliverFrame(target, 0, frame.seq, frame.id, frame.flags, from, frame.payload);
      return target;
    }
    case 'ack': {
      const target = new Uint8Array(ACK_FRAME_BYTES);
      writeAckFrame(target, 0, frame.seq);
      return target;
    }
    case 'receipt':
      return encodeReceipt(frame);
    case 'tunnel_data':
      return encodeTunnel(FrameType.tunnel_data, frame.tunnel, frame.bytes);
    case 'tunnel_credit': {
      const bytes = new Uint8Array(4);
      writeU32(bytes, 0, frame.bytes);
      return encodeTunnel(FrameType.tunnel_credit, frame.tunnel, bytes);
    }
    case 'tunnel_end':
      return encodeTunnel(FrameType.tunnel_end, frame.tunnel, new Uint8Array(0));
    default: {
      const { type, ...fields } = frame;
      return withHeader(FrameType[type], encodeCbor(fields));
    }
  }
}

function withHeader(type: number, body: Uint8Array): Uint8Array {
  const target = new Uint8Array(FRAME_HEADER_BYTES + body.length);
  target.set(body, writeHeader(target, 0, type, body.length));
  return target;
}

function encodePing(frame: PingFrame | PongFrame): Uint8Array {
  return withHeader(FrameType[frame.type], frame.data);
}

function encodeSend(frame: SendFrame): Uint8Array {
  if (frame.id === null) throw new RangeError('SEND needs an id in the binary form');
  // The empty id stands for one that is not valid: it is refused like it.
  const to = encodeUtf8(frame.to ?? '');
  const target = new Uint8Array(sendFrameBytes(to.length, frame.payload.length));
  writeSendFrame(target, 0, frame.id, frame.flags, to, frame.payload);
  return target;
}

function encodeReceipt(frame: ReceiptFrame): Uint8Array {
  const ids = frame.receipts.map((receipt) => receipt.id);
  const statuses = frame.receipts.map((receipt) => receipt.status);
  const target = new Uint8Array(receiptFrameBytes(ids.length));
  writeReceiptFrame(target, 0, ids, statuses, 0, ids.length);
  return target;
}

function encodeTunnel(type: number, tunnel: number, rest: Uint8Array): Uint8Array {
  const body = new Uint8Array(4 + rest.length);
  body.set(rest, writeU32(body, 0, tunnel));
  return withHeader(type, body);
}
