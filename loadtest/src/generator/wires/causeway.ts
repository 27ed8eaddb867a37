import {
  ACK_EVERY_MESSAGES,
  asPeerId,
  asRealm,
  decodeRelayPacket,
  encodeFrame,
  FrameType,
  PATH,
  PROTOCOL_VERSION,
  ReceiptStatus,
  type RelayFrame,
  SUBPROTOCOL_BINARY,
} from '@causeway/protocol';
import type { Connection } from '../connection.ts';
import { clientFrame, Opcode } from '../frames.ts';
import type { Sink, Wire } from './wire.ts';

const FRAME_HEADER = 4;
const RECEIPT_BYTES = 9;
/** High half of every message id: the clock in microseconds, as clients choose ids; the low half is the sequence. */
const ID_HIGH = Math.floor((Date.now() * 1000) / 2 ** 32);

/** `causeway.v1`: one SEND a WebSocket message, receipts on, acknowledgments every 32 messages or 10 ms. */
export const causeway: Wire = {
  path: PATH,
  subprotocol: SUBPROTOCOL_BINARY,
  receipts: true,

  async register(connection, name) {
    const realm = asRealm('default');
    const peer = asPeerId(name);
    if (realm === null || peer === null) throw new Error(`not a peer id: ${name}`);
    const welcomed = connection.expect((_opcode, buffer, start, end) => {
      if (buffer[start] === FrameType.welcome) return true;
      throw new Error(`instead of WELCOME: ${describe(buffer.subarray(start, end))}`);
    });
    const hello = encodeFrame({ type: 'hello', v: PROTOCOL_VERSION, realm, peer, auth: { scheme: 'none' } });
    connection.write(clientFrame(Opcode.binary, hello));
    await welcomed;
  },

  template(to, payload) {
    const name = Buffer.from(to);
    const head = Buffer.alloc(FRAME_HEADER + 10);
    head.writeUInt32BE(10 + name.length + payload.length, 0);
    head[0] = FrameType.send;
    head.writeUInt32BE(ID_HIGH, 4);
    head[13] = name.length;
    const bytes = clientFrame(Opcode.binary, head, name, payload);
    const payloadAt = bytes.length - payload.length;
    return { bytes, payloadAt, idAt: payloadAt - name.length - 6 };
  },

  receive(connection, sink) {
    const receiver = new CausewayReceiver(connection, sink);
    connection.onFrame = (_opcode, buffer, start, end) => receiver.packet(buffer, start, end);
    return receiver;
  },
};

class CausewayReceiver {
  readonly #connection: Connection;
  readonly #sink: Sink;
  #taken = 0;
  #acknowledged = 0;

  constructor(connection: Connection, sink: Sink) {
    this.#connection = connection;
    this.#sink = sink;
  }

  packet(buffer: Buffer, start: number, end: number): void {
    for (let at = start; at < end; ) {
      const type = buffer[at];
      const body = at + FRAME_HEADER;
      const next = body + (buffer.readUInt32BE(at) & 0xffffff);
      if (type === FrameType.deliver) this.#deliver(buffer, body);
      else if (type === FrameType.receipt) this.#receipts(buffer, body, next);
      else if (type !== FrameType.throttle) throw new Error(`unexpected: ${describe(buffer.subarray(at, next))}`);
      at = next;
    }
  }

  acknowledge(): void {
    if (this.#acknowledged === this.#taken) return;
    this.#acknowledged = this.#taken;
    const ack = Buffer.alloc(FRAME_HEADER + 4);
    ack.writeUInt32BE(4, 0);
    ack[0] = FrameType.ack;
    ack.writeUInt32BE(this.#taken, FRAME_HEADER);
    this.#connection.write(clientFrame(Opcode.binary, ack));
  }

  /** `seq:u32 id:u64 flags:u8 fromLen:u8 from payload` */
  #deliver(buffer: Buffer, body: number): void {
    const seq = buffer.readUInt32BE(body);
    if (seq !== this.#taken + 1) throw new Error(`DELIVER ${seq} after ${this.#taken}`);
    this.#taken = seq;
    this.#sink.delivered(buffer, body + 14 + (buffer[body + 13] as number));
    if (this.#taken - this.#acknowledged >= ACK_EVERY_MESSAGES) this.acknowledge();
  }

  #receipts(buffer: Buffer, body: number, end: number): void {
    for (let at = body; at < end; at += RECEIPT_BYTES) {
      const status = buffer[at + 8];
      const ok = status === ReceiptStatus.delivered || status === ReceiptStatus.queued;
      if (buffer.readUInt32BE(at) !== ID_HIGH) throw new Error('a receipt for a message that was never sent');
      this.#sink.receipt(buffer.readUInt32BE(at + 4), ok);
    }
  }
}

function describe(packet: Uint8Array): string {
  const frames: string[] = [];
  const add = (frame: RelayFrame) => frames.push(JSON.stringify(frame));
  decodeRelayPacket(
    packet,
    (frame) => add(frame) > 0,
    (malformed) => frames.push(malformed.reason),
  );
  return frames.join(', ');
}
