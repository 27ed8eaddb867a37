import type { BufferPool } from '../buffers.ts';
import { Deque } from '../deque.ts';

/** Blocks are at least this large, so that small pieces are gathered: each object would cost more than its bytes. */
const LEAST_BLOCK_BYTES = 4096;
const MOST_BLOCK_BYTES = 64 * 1024;

/**
 * Bytes that wait, in order, in blocks of a pool: nothing is allocated for them in the long run. Blocks are as large as
 * the pieces that come, up to 64 KiB, so that all of them together have at most twice what waits, and one block more.
 */
export class ByteQueue {
  length = 0;
  private readonly pool: BufferPool;
  private readonly blocks = new Deque<Uint8Array>();
  /** Bytes of the last block that are filled. */
  private filled = 0;
  /** Bytes of the first block that were taken. */
  private taken = 0;

  constructor(pool: BufferPool) {
    this.pool = pool;
  }

  /** Copies the bytes. */
  push(bytes: Uint8Array): void {
    this.length += bytes.length;
    for (let at = 0; at < bytes.length; ) {
      const block = this.lastBlock(bytes.length - at);
      const count = Math.min(bytes.length - at, block.length - this.filled);
      block.set(at === 0 && count === bytes.length ? bytes : bytes.subarray(at, at + count), this.filled);
      this.filled += count;
      at += count;
    }
  }

  /** Hands at most `most` bytes from the front to `use`, where they are valid during the call. False: there are none. */
  take(most: number, use: (bytes: Uint8Array) => void): boolean {
    const block = this.blocks.peek();
    if (block === undefined) return false;
    const end = this.blocks.length === 1 ? this.filled : block.length;
    const upTo = Math.min(end, this.taken + most);
    const from = this.taken;
    this.length -= upTo - from;
    this.taken = upTo;
    if (upTo === end) this.blocks.shift();
    if (upTo === end) this.taken = 0;
    use(block.subarray(from, upTo));
    if (upTo === end) this.pool.give(block);
    return true;
  }

  clear(): void {
    for (let block = this.blocks.shift(); block !== undefined; block = this.blocks.shift()) this.pool.give(block);
    this.length = 0;
    this.taken = 0;
  }

  /** The block that has room, or a new one for so many bytes. */
  private lastBlock(bytes: number): Uint8Array {
    const last = this.blocks.at(this.blocks.length - 1);
    if (last !== undefined && this.filled < last.length) return last;
    const block = this.pool.take(Math.min(MOST_BLOCK_BYTES, Math.max(LEAST_BLOCK_BYTES, bytes)));
    this.blocks.push(block);
    this.filled = 0;
    return block;
  }
}
