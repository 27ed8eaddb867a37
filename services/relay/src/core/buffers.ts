import { MAX_PACKET_BYTES } from '@causeway/protocol';

/** 1 KiB holds a few control frames or a message of the common size. */
const SMALLEST_LOG = 10;
/** Bytes of free buffers that are kept for each size. */
const KEPT_BYTES = MAX_PACKET_BYTES;

/** Buffers for bytes on their way out, by powers of two. A buffer is as large as asked for or larger; its bytes are stale. */
export class BufferPool {
  /** By the logarithm of their size. */
  readonly #free: readonly Uint8Array[][] = Array.from({ length: Math.log2(MAX_PACKET_BYTES) + 1 }, () => []);

  take(bytes: number): Uint8Array {
    const log = Math.max(SMALLEST_LOG, 32 - Math.clz32(bytes - 1));
    return this.#free[log]?.pop() ?? new Uint8Array(2 ** log);
  }

  /** The caller must not touch the buffer again. */
  give(buffer: Uint8Array): void {
    const free = this.#free[31 - Math.clz32(buffer.length)];
    if (free !== undefined && (free.length + 1) * buffer.length <= KEPT_BYTES) free.push(buffer);
  }
}
