import { TransferError } from '../transfer/errors.ts';
import type { Decision, Sink, TransferTarget } from '../transfer/receiver.ts';
import type { Entry } from '../transfer/records.ts';
import type { Questions } from './incoming-files.ts';
import { checkEntries } from './names.ts';
import { RunningHash } from './running-hash.ts';

/** Receives one file into a stream, whose bytes cannot be taken back: what does not fit the hash is said at the end. */
export class StdoutTarget implements TransferTarget {
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  readonly #questions: Pick<Questions, 'begin'>;
  readonly #hash = new RunningHash();
  #entry: Entry | null = null;
  #saved = false;

  /** @param write resolves when the stream takes more */
  constructor(write: (bytes: Uint8Array) => Promise<void>, questions: Pick<Questions, 'begin'>) {
    this.#write = write;
    this.#questions = questions;
  }

  async consider(entries: readonly Entry[], over: AbortSignal): Promise<void> {
    checkEntries(entries);
    const [entry] = entries;
    if (entry === undefined || entries.length > 1 || entry.folder) {
      throw new TransferError('declined', 'the receiver takes one file, as it writes to stdout');
    }
    if (this.#entry === null) await this.#questions.begin(entries, over);
    else if (this.#entry.size !== entry.size) {
      throw new TransferError('offer_changed', 'the other end offers something else than before');
    }
    this.#entry = entry;
  }

  async held(): Promise<number> {
    return this.#saved ? 0 : this.#hash.bytes;
  }

  async decide(prefixes: ReadonlyMap<number, Uint8Array>): Promise<readonly Decision[]> {
    if (this.#saved) return [];
    const from = this.#hash.bytes;
    const prefix = prefixes.get(0);
    const isSame = prefix !== undefined && Buffer.compare(prefix, this.#hash.digest()) === 0;
    if (from > 0 && !isSame) {
      throw new TransferError('offer_changed', 'the other end offers something else than before');
    }
    return [{ file: 0, from }];
  }

  async open(): Promise<Sink> {
    return {
      write: async (bytes) => {
        await this.#write(bytes);
        this.#hash.update(bytes);
      },
      finish: async (hash) => {
        if (Buffer.compare(hash, this.#hash.digest()) !== 0) {
          throw new TransferError('hash_mismatch', 'it arrived damaged: it is not what was read at the other end');
        }
        this.#saved = true;
      },
    };
  }
}
