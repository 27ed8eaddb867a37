import type { DataFrameName } from './control.ts';
import type { DeliverFrame, FrameOf, Receipt, ReceiptFrame, SendFrame, TunnelDataFrame } from './frames.ts';
import { readId, readU32, view } from './layout.ts';
import { MAX_TUNNEL_DATA_BYTES, PING_BYTES } from './limits.ts';
import { Rejection } from './malformed.ts';
import { decodePeerId } from './peer-bytes.ts';
import { ACK_BODY_BYTES, DELIVER_FIXED_BYTES, RECEIPT_BYTES, SEND_FIXED_BYTES } from './write.ts';

/** Reads a frame from its body, packet[from, to). Throws a Rejection. */
export type BodyDecoder<Frame> = (packet: Uint8Array, from: number, to: number) => Frame;

export const DATA_DECODERS: { readonly [Name in DataFrameName]: BodyDecoder<FrameOf<Name>> } = {
  ping: (packet, from, to) => ({ type: 'ping', data: decodePing('PING', packet, from, to) }),
  pong: (packet, from, to) => ({ type: 'pong', data: decodePing('PONG', packet, from, to) }),
  send: decodeSend,
  deliver: decodeDeliver,
  ack: (packet, from, to) => {
    needExactly('ACK', to - from, ACK_BODY_BYTES);
    return { type: 'ack', seq: readU32(packet, from) };
  },
  receipt: decodeReceipt,
  tunnel_data: decodeTunnelData,
  tunnel_credit: (packet, from, to) => {
    needExactly('TUNNEL_CREDIT', to - from, 8);
    return { type: 'tunnel_credit', tunnel: readU32(packet, from), bytes: readU32(packet, from + 4) };
  },
  tunnel_end: (packet, from, to) => {
    needExactly('TUNNEL_END', to - from, 4);
    return { type: 'tunnel_end', tunnel: readU32(packet, from) };
  },
};

function needExactly(frame: string, bytes: number, needed: number): void {
  if (bytes !== needed) throw new Rejection('layout', `${frame} body is ${bytes} bytes, ${needed} are needed`);
}

function needAtLeast(frame: string, bytes: number, needed: number): void {
  if (bytes < needed) throw new Rejection('layout', `${frame} body is ${bytes} bytes, at least ${needed} are needed`);
}

function decodePing(frame: string, packet: Uint8Array, from: number, to: number): Uint8Array {
  needExactly(frame, to - from, PING_BYTES);
  // Of a plain view, since the slice of a Buffer shares its memory.
  return view(packet, from, to).slice();
}

function decodeSend(packet: Uint8Array, from: number, to: number): SendFrame {
  needAtLeast('SEND', to - from, SEND_FIXED_BYTES);
  const peerAt = from + SEND_FIXED_BYTES;
  const payloadAt = peerAt + (packet[peerAt - 1] as number);
  needAtLeast('SEND', to - from, payloadAt - from);
  return {
    type: 'send',
    id: readId(packet, from),
    flags: packet[from + 8] as number,
    to: decodePeerId(packet, peerAt, payloadAt),
    payload: view(packet, payloadAt, to),
  };
}

function decodeDeliver(packet: Uint8Array, from: number, to: number): DeliverFrame {
  needAtLeast('DELIVER', to - from, DELIVER_FIXED_BYTES);
  const peerAt = from + DELIVER_FIXED_BYTES;
  const payloadAt = peerAt + (packet[peerAt - 1] as number);
  needAtLeast('DELIVER', to - from, payloadAt - from);
  const sender = decodePeerId(packet, peerAt, payloadAt);
  if (sender === null) throw new Rejection('field', 'DELIVER has a "from" that is not a peer id');
  return {
    type: 'deliver',
    seq: readU32(packet, from),
    id: readId(packet, from + 4),
    flags: packet[from + 12] as number,
    from: sender,
    payload: view(packet, payloadAt, to),
  };
}

function decodeReceipt(packet: Uint8Array, from: number, to: number): ReceiptFrame {
  const bytes = to - from;
  if (bytes === 0 || bytes % RECEIPT_BYTES !== 0) {
    throw new Rejection('layout', `RECEIPT body is ${bytes} bytes, one or more times ${RECEIPT_BYTES} are needed`);
  }
  const receipts: Receipt[] = [];
  for (let at = from; at < to; at += RECEIPT_BYTES) {
    receipts.push({ id: readId(packet, at), status: packet[at + 8] as number });
  }
  return { type: 'receipt', receipts };
}

function decodeTunnelData(packet: Uint8Array, from: number, to: number): TunnelDataFrame {
  needAtLeast('TUNNEL_DATA', to - from, 4);
  if (to - from - 4 > MAX_TUNNEL_DATA_BYTES) {
    throw new Rejection(
      'layout',
      `TUNNEL_DATA has ${to - from - 4} bytes, at most ${MAX_TUNNEL_DATA_BYTES} are allowed`,
    );
  }
  return { type: 'tunnel_data', tunnel: readU32(packet, from), bytes: view(packet, from + 4, to) };
}
