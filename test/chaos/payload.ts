import { crc32 } from 'node:zlib';
import type { Rng } from '../kit/rng.ts';

const POOL_BYTES = 256 * 1024;
const MAX_PAYLOAD = 65_536;
/** The message's id, which its recipient reads. */
const HEADER_BYTES = 4;
/** One in so many messages is of any size, and one in so many of these of the largest. */
const RARE = 50;
const SMALL_BYTES = 240;
const LARGE_BYTES = 8192;

/** Numbered payloads of random sizes and bytes. */
export class Payloads {
  readonly #rng: Rng;
  readonly #pool: Uint8Array;

  constructor(rng: Rng) {
    this.#rng = rng;
    this.#pool = rng.bytes(POOL_BYTES);
  }

  make(id: number): Buffer {
    const size = this.#size();
    const payload = Buffer.allocUnsafe(HEADER_BYTES + size);
    payload.writeUInt32BE(id);
    const start = this.#rng.int(POOL_BYTES - size);
    payload.set(this.#pool.subarray(start, start + size), HEADER_BYTES);
    return payload;
  }

  #size(): number {
    if (!this.#rng.chance(1 / RARE)) return this.#rng.int(SMALL_BYTES);
    return this.#rng.chance(1 / RARE) ? MAX_PAYLOAD - HEADER_BYTES : this.#rng.int(LARGE_BYTES);
  }
}

/** The id in a payload; 2^32, which no message has, where there is none. */
export function idOf(payload: Uint8Array): number {
  if (payload.length < HEADER_BYTES) return 2 ** 32;
  return new DataView(payload.buffer, payload.byteOffset).getUint32(0);
}

export function digestOf(payload: Uint8Array): number {
  return crc32(payload);
}
