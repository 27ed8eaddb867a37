import type { MessageId } from './ids.ts';
import { FRAME_HEADER_BYTES } from './limits.ts';

/** Integers of the fixed layouts: big-endian, unsigned. Every function that writes returns the offset behind it. */

const TWO_32 = 0x1_0000_0000;
/** The high half of an id from here on makes it unsafe as a number: 2^53 / 2^32. */
const UNSAFE_HIGH = 0x20_0000;

export function readU24(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
}

export function readU32(bytes: Uint8Array, at: number): number {
  return (((bytes[at] as number) << 24) | readU24(bytes, at + 1)) >>> 0;
}

export function readId(bytes: Uint8Array, at: number): MessageId {
  const high = readU32(bytes, at);
  const low = readU32(bytes, at + 4);
  return high < UNSAFE_HIGH ? high * TWO_32 + low : (BigInt(high) << 32n) | BigInt(low);
}

export function writeU32(target: Uint8Array, at: number, value: number): number {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
  return at + 4;
}

export function writeId(target: Uint8Array, at: number, id: MessageId): number {
  if (typeof id === 'number') {
    writeU32(target, at, (id / TWO_32) >>> 0);
    return writeU32(target, at + 4, id >>> 0);
  }
  writeU32(target, at, Number(id >> 32n));
  return writeU32(target, at + 4, Number(id & 0xffffffffn));
}

export function writeHeader(target: Uint8Array, at: number, type: number, bodyBytes: number): number {
  target[at] = type;
  target[at + 1] = bodyBytes >>> 16;
  target[at + 2] = bodyBytes >>> 8;
  target[at + 3] = bodyBytes;
  return at + FRAME_HEADER_BYTES;
}

/** A view, cheaper than subarray() where that must ask for the species. */
export function view(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from);
}
