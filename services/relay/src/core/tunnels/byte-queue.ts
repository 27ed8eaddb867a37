import { Deque } from '../deque.ts';

/** Smaller pieces are gathered in blocks of this size: each object would cost more than its bytes. */
const BLOCK_BYTES = 4096;

/** Bytes that wait, in order. What it holds in memory is at most twice its length, however small the pieces were. */
export class ByteQueue {
  length = 0;
  private readonly chunks = new Deque<Uint8Array>();
  /** Of the first chunk, taken already. */
  private taken = 0;
  /** Gathers small pieces, behind all chunks. */
  private block: Uint8Array | null = null;
  private used = 0;

  /** Small pieces are copied; a large one is kept as it is, and must not be part of something larger that would stay. */
  push(bytes: Uint8Array): void {
    this.length += bytes.length;
    if (bytes.length >= BLOCK_BYTES) {
      this.seal();
      this.chunks.push(bytes);
      return;
    }
    for (let at = 0; at < bytes.length; ) at += this.gather(bytes.subarray(at));
  }

  /** At most `most` bytes, from the front; null when there are none. */
  take(most: number): Uint8Array | null {
    if (this.length === 0) return null;
    if (this.chunks.length === 0) this.seal();
    const chunk = (this.chunks.peek() as Uint8Array).subarray(this.taken, this.taken + most);
    this.taken += chunk.length;
    this.length -= chunk.length;
    if (this.taken === this.chunks.peek()?.length) {
      this.chunks.shift();
      this.taken = 0;
    }
    return chunk;
  }

  clear(): void {
    this.chunks.clear();
    this.block = null;
    this.length = 0;
    this.taken = 0;
  }

  /** Answers how many were copied. */
  private gather(bytes: Uint8Array): number {
    if (this.block === null) {
      this.block = new Uint8Array(BLOCK_BYTES);
      this.used = 0;
    }
    const count = Math.min(bytes.length, BLOCK_BYTES - this.used);
    this.block.set(bytes.subarray(0, count), this.used);
    this.used += count;
    if (this.used === BLOCK_BYTES) this.seal();
    return count;
  }

  /** What was gathered becomes a chunk. */
  private seal(): void {
    if (this.block === null) return;
    this.chunks.push(this.block.subarray(0, this.used));
    this.block = null;
  }
}
