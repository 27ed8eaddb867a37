import { Deque } from './deque.ts';

/** A run of bytes in memory of its own, `memory[from, to)`; the last one grows behind `to`. */
interface Block {
  readonly memory: Uint8Array;
  from: number;
  to: number;
}

/** Bytes of memory taken at least: what comes in pieces of a few bytes must not cost an object for each. */
const BLOCK_BYTES = 16 * 1024;

/** Bytes, first in, first out, in blocks that grow with what is in them and not with the number of pieces. */
export class ByteQueue {
  readonly #blocks = new Deque<Block>();
  #last: Block | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Copies: `bytes` may be reused at once. */
  push(bytes: Uint8Array): void {
    this.#size += bytes.length;
    const filled = this.#fillLast(bytes);
    const rest = bytes.subarray(filled);
    if (rest.length === 0) return;
    const memory = new Uint8Array(Math.max(rest.length, BLOCK_BYTES));
    memory.set(rest);
    this.#last = { memory, from: 0, to: rest.length };
    this.#blocks.push(this.#last);
  }

  /** The oldest bytes, in memory that is the caller's from now on; undefined when there are none. */
  take(): Uint8Array | undefined {
    const block = this.#blocks.shift();
    if (!block) return undefined;
    if (block === this.#last) this.#last = undefined;
    this.#size -= block.to - block.from;
    return block.memory.subarray(block.from, block.to);
  }

  /** Moves the oldest bytes to `target`, as many as there are and fit. @returns how many */
  moveTo(target: Uint8Array): number {
    let moved = 0;
    for (let block = this.#blocks.peek(); block && moved < target.length; block = this.#blocks.peek()) {
      const count = Math.min(block.to - block.from, target.length - moved);
      target.set(block.memory.subarray(block.from, block.from + count), moved);
      moved += count;
      block.from += count;
      if (block.from < block.to) break;
      this.#blocks.shift();
      if (block === this.#last) this.#last = undefined;
    }
    this.#size -= moved;
    return moved;
  }

  clear(): void {
    this.#blocks.clear();
    this.#last = undefined;
    this.#size = 0;
  }

  /** @returns how many of the bytes found room behind the last ones */
  #fillLast(bytes: Uint8Array): number {
    const last = this.#last;
    if (!last) return 0;
    const count = Math.min(bytes.length, last.memory.length - last.to);
    last.memory.set(bytes.subarray(0, count), last.to);
    last.to += count;
    return count;
  }
}
