import {
  type ClientFrame,
  decodeClientPacket,
  deliverFrameBytes,
  encodeFrame,
  FRAME_HEADER_BYTES,
  MAX_PACKET_BYTES,
  type Malformed,
  type MessageId,
  type PeerId,
  type RelayFrame,
  receiptFrameBytes,
  TUNNEL_DATA_HEAD_BYTES,
  writeDeliverFrame,
  writeReceiptFrame,
  writeTunnelDataHead,
} from '@causeway/protocol';
import { EdgeConnection } from './connection.ts';
import { peerIdBytes } from './peer-bytes.ts';

const TEXT_MESSAGE: Malformed = { reason: 'text message, causeway.v1 has binary messages only' };
/**
 * What a message may keep alive beside its own bytes: in a larger packet each payload is copied by itself, or a few
 * bytes that wait for their receipt would hold a whole packet of others that do not.
 */
const MAX_SHARED_BYTES = 8192;
/** From this size on bytes of a tunnel leave at once, in a packet of their own: to gather more would copy them again. */
const OWN_PACKET_BYTES = 8192;
/** The writer's arguments; one receipt is written at a time. */
const oneId: MessageId[] = [0];
const oneStatus: number[] = [0];

/** `causeway.v1`: the frames of a turn lie one after another in a pooled buffer and leave as one packet. */
export class BinaryConnection extends EdgeConnection {
  /** Null while nothing waits. */
  #buffer: Uint8Array | null = null;
  #used = 0;
  /** Where the last frame begins if it is a RECEIPT, which takes up the next receipt, too; -1 otherwise. */
  #receiptAt = -1;

  deliver(seq: number, id: MessageId, flags: number, from: PeerId, payload: Uint8Array): void {
    const name = peerIdBytes(from);
    const target = this.#reserve(deliverFrameBytes(name.length, payload.length));
    if (target === null) return;
    this.#used = writeDeliverFrame(target, this.#used, seq, id, flags, name, payload);
    this.#receiptAt = -1;
  }

  receipt(id: MessageId, status: number): void {
    const target = this.#reserve(receiptFrameBytes(1));
    if (target === null) return;
    const at = this.#used;
    oneId[0] = id;
    oneStatus[0] = status;
    const end = writeReceiptFrame(target, at, oneId, oneStatus, 0, 1);
    if (this.#receiptAt < 0) {
      this.#receiptAt = at;
      this.#used = end;
    } else {
      target.copyWithin(at, at + FRAME_HEADER_BYTES, end);
      this.#used = end - FRAME_HEADER_BYTES;
      writeLength(target, this.#receiptAt, this.#used);
    }
  }

  tunnelData(tunnel: number, bytes: Uint8Array): void {
    const isLarge = bytes.length >= OWN_PACKET_BYTES;
    if (isLarge) this.writeOut();
    const target = this.#reserve(TUNNEL_DATA_HEAD_BYTES + bytes.length);
    if (target === null) return;
    const at = writeTunnelDataHead(target, this.#used, tunnel, bytes.length);
    target.set(bytes, at);
    this.#used = at + bytes.length;
    this.#receiptAt = -1;
    if (isLarge) this.writeOut();
  }

  protected write(frame: RelayFrame): void {
    const bytes = encodeFrame(frame);
    const target = this.#reserve(bytes.length);
    if (target === null) return;
    target.set(bytes, this.#used);
    this.#used += bytes.length;
    this.#receiptAt = -1;
  }

  protected decode(
    message: ArrayBuffer,
    isBinary: boolean,
    onFrame: (frame: ClientFrame) => boolean,
  ): Malformed | null {
    if (!isBinary) return TEXT_MESSAGE;
    const packet = new Uint8Array(message);
    // The one copy: payloads stay views into it until they are written out.
    if (packet.length <= MAX_SHARED_BYTES) return decodeClientPacket(Buffer.from(packet), onFrame);
    return decodeClientPacket(packet, (frame) => onFrame(withOwnBytes(frame)));
  }

  protected writeOut(): void {
    const buffer = this.#buffer;
    if (buffer === null) return;
    this.transmit(new Uint8Array(buffer.buffer, 0, this.#used), true);
    this.discard();
  }

  protected discard(): void {
    if (this.#buffer !== null) this.shared.buffers.give(this.#buffer);
    this.#buffer = null;
    this.#used = 0;
    this.#receiptAt = -1;
  }

  /** A buffer with room for so many bytes from `#used` on; null when the connection is closed. */
  #reserve(bytes: number): Uint8Array | null {
    if (!this.isOpen) return null;
    const buffer = this.#buffer;
    if (buffer === null) return this.#begin(bytes);
    const needed = this.#used + bytes;
    if (needed <= buffer.length) return buffer;
    if (needed > MAX_PACKET_BYTES) {
      this.writeOut();
      return this.#begin(bytes);
    }
    const larger = this.shared.buffers.take(needed);
    larger.set(buffer.subarray(0, this.#used));
    this.shared.buffers.give(buffer);
    this.#buffer = larger;
    return larger;
  }

  #begin(bytes: number): Uint8Array {
    this.markDirty();
    this.#buffer = this.shared.buffers.take(bytes);
    return this.#buffer;
  }
}

/** The frame with a copy of what is a view into the packet. Bytes of a tunnel are taken over within the call. */
function withOwnBytes(frame: ClientFrame): ClientFrame {
  if (frame.type !== 'send') return frame;
  return { type: 'send', id: frame.id, flags: frame.flags, to: frame.to, payload: Buffer.from(frame.payload) };
}

/** Length of the frame that begins at `at` and ends before `end`. */
function writeLength(target: Uint8Array, at: number, end: number): void {
  const length = end - at - FRAME_HEADER_BYTES;
  target[at + 1] = length >>> 16;
  target[at + 2] = length >>> 8;
  target[at + 3] = length;
}
