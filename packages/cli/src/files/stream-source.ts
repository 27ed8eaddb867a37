import { TransferError } from '../transfer/errors.ts';
import type { Outgoing } from '../transfer/sender.ts';
import { readFault } from './disk-errors.ts';
import { READ_BYTES } from './file-source.ts';
import { RunningHash } from './running-hash.ts';

/** Bytes that are kept until the receiver has confirmed them: another stream may have to carry them again. */
const MAX_KEPT = 8 * 1024 * 1024;

/** Something that can be read once, such as stdin. */
export class StreamSource {
  readonly #name: string;
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** Of everything before what is kept. */
  #base = new RunningHash();
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  /** The read under way, which outlives the stream that it was begun for. */
  #reading: Promise<boolean> | null = null;
  #room: () => void = () => undefined;

  constructor(name: string, chunks: AsyncIterable<Uint8Array>) {
    this.#name = name;
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  async prefix(bytes: number): Promise<Uint8Array | null> {
    if (bytes < this.#base.bytes || bytes > this.#base.bytes + this.#keptBytes) return null;
    return this.#hashTo(bytes).digest();
  }

  async open(from: number): Promise<Outgoing> {
    if (from < this.#base.bytes || from > this.#base.bytes + this.#keptBytes) {
      throw new TransferError('offer_changed', `${this.#name} cannot be read again from byte ${from}`);
    }
    const hash = this.#hashTo(from);
    return {
      next: async () => {
        const chunk = await this.#at(hash.bytes);
        if (chunk !== null) hash.update(chunk);
        return chunk;
      },
      digest: () => hash.digest(),
      close: async () => undefined,
    };
  }

  confirmed(bytes: number): void {
    while (this.#base.bytes + (this.#kept[0]?.length ?? Number.POSITIVE_INFINITY) <= bytes) {
      const chunk = this.#kept.shift() ?? new Uint8Array();
      this.#base.update(chunk);
      this.#keptBytes -= chunk.length;
    }
    if (this.#keptBytes < MAX_KEPT) this.#room();
  }

  /** What is kept from there on, or what comes next. */
  async #at(from: number): Promise<Uint8Array | null> {
    for (;;) {
      let at = this.#base.bytes;
      for (const chunk of this.#kept) {
        if (from < at + chunk.length) return chunk.subarray(from - at);
        at += chunk.length;
      }
      if (!(await this.#more())) return null;
    }
  }

  #more(): Promise<boolean> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async #read(): Promise<boolean> {
    if (this.#keptBytes >= MAX_KEPT) {
      await new Promise<void>((resolve) => {
        this.#room = resolve;
      });
    }
    try {
      const { value, done } = await this.#chunks.next();
      if (done) return false;
      for (let at = 0; at < value.length; at += READ_BYTES) this.#kept.push(value.subarray(at, at + READ_BYTES));
      this.#keptBytes += value.length;
      return true;
    } catch (error) {
      throw readFault(error, this.#name);
    }
  }

  #hashTo(bytes: number): RunningHash {
    const hash = this.#base.before(this.#base.bytes);
    for (const chunk of this.#kept) hash.update(chunk.subarray(0, Math.max(0, bytes - hash.bytes)));
    return hash;
  }
}
