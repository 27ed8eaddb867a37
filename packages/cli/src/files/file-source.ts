import type { BigIntStats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { TransferError } from '../transfer/errors.ts';
import type { Outgoing } from '../transfer/sender.ts';
import { readFault } from './disk-errors.ts';
import { RunningHash } from './running-hash.ts';

export const READ_BYTES = 128 * 1024;

/** What tells a file from a later state of it. */
export type Stamp = Pick<BigIntStats, 'size' | 'mtimeNs' | 'ino' | 'dev'>;

/** A file on the disk, which must stay what it was when it was offered. */
export class FileSource {
  readonly #path: string;
  readonly #stamp: Stamp;
  #hash = new RunningHash();

  constructor(path: string, stamp: Stamp) {
    this.#path = path;
    this.#stamp = stamp;
  }

  async prefix(bytes: number): Promise<Uint8Array | null> {
    if (BigInt(bytes) > this.#stamp.size) return null;
    const handle = await this.#open();
    try {
      await this.#hashTo(handle, bytes);
      return this.#hash.digest();
    } finally {
      await handle.close();
    }
  }

  async open(from: number): Promise<Outgoing> {
    const handle = await this.#open();
    try {
      await this.#hashTo(handle, from);
    } catch (error) {
      await handle.close();
      throw error;
    }
    const hash = this.#hash;
    return {
      next: async () => {
        const chunk = await this.#read(handle, hash.bytes, Number(this.#stamp.size));
        if (chunk === null) await this.#check(handle);
        else hash.update(chunk);
        return chunk;
      },
      digest: () => hash.digest(),
      close: () => handle.close(),
    };
  }

  confirmed(): void {
    // The file is read again where that is needed.
  }

  async #open(): Promise<FileHandle> {
    const handle = await open(this.#path, 'r').catch((error: unknown) => {
      throw readFault(error, this.#path);
    });
    try {
      await this.#check(handle);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async #hashTo(handle: FileHandle, bytes: number): Promise<void> {
    const hash = this.#hash.before(bytes);
    for (;;) {
      const chunk = await this.#read(handle, hash.bytes, bytes);
      if (chunk === null) break;
      hash.update(chunk);
    }
    this.#hash = hash;
  }

  /** @throws TransferError `source_changed` for a file that ends too early */
  async #read(handle: FileHandle, from: number, to: number): Promise<Uint8Array | null> {
    const wanted = Math.min(READ_BYTES, to - from);
    if (wanted === 0) return null;
    try {
      const { buffer, bytesRead } = await handle.read(new Uint8Array(wanted), 0, wanted, from);
      if (bytesRead > 0) return buffer.subarray(0, bytesRead);
    } catch (error) {
      throw readFault(error, this.#path);
    }
    throw this.#changed();
  }

  async #check(handle: FileHandle): Promise<void> {
    const now = await handle.stat({ bigint: true });
    const { size, mtimeNs, ino, dev } = this.#stamp;
    const isSame = now.size === size && now.mtimeNs === mtimeNs && now.ino === ino && now.dev === dev;
    if (!isSame) throw this.#changed();
  }

  #changed(): TransferError {
    return new TransferError('source_changed', `${this.#path} was changed while it was sent`);
  }
}
