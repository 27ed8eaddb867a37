import { createHash, type Hash } from 'node:crypto';

/** Bytes between two states that are kept, and how many are. */
const STEP = 16 * 1024 * 1024;
const KEPT = 8;

/** SHA-256 of a file while it goes by, and of where it was a while ago. */
export class RunningHash {
  #bytes: number;
  #hash: Hash;
  #kept: { readonly bytes: number; readonly hash: Hash }[] = [];

  constructor(bytes = 0, hash = createHash('sha256')) {
    this.#bytes = bytes;
    this.#hash = hash;
  }

  get bytes(): number {
    return this.#bytes;
  }

  update(chunk: Uint8Array): void {
    const before = Math.floor(this.#bytes / STEP);
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    if (Math.floor(this.#bytes / STEP) === before) return;
    this.#kept.push({ bytes: this.#bytes, hash: this.#hash.copy() });
    if (this.#kept.length > KEPT) this.#kept.shift();
  }

  /** The hash of what came so far; more may come. */
  digest(): Uint8Array {
    return new Uint8Array(this.#hash.copy().digest());
  }

  /** Where to read on from for the hash of the first `bytes`: the last state that is kept and not beyond. */
  before(bytes: number): RunningHash {
    const now = { bytes: this.#bytes, hash: this.#hash };
    const found = [...this.#kept, now].findLast((state) => state.bytes <= bytes);
    return found === undefined ? new RunningHash() : new RunningHash(found.bytes, found.hash.copy());
  }
}
