import { constants } from 'node:fs';
import { type FileHandle, link, open, rename, unlink } from 'node:fs/promises';
import { TransferError } from '../transfer/errors.ts';
import { codeOf, writeFault } from './disk-errors.ts';
import { READ_BYTES } from './file-source.ts';
import { PART } from './names.ts';
import { RunningHash } from './running-hash.ts';

const { O_CREAT, O_RDWR } = constants;
/** Missing on Windows, where a link is looked for before the file is opened and nothing better is to be had. */
const O_NOFOLLOW = constants.O_NOFOLLOW ?? 0;
const MODE = 0o666;
const EXECUTABLE = 0o777;

/** What has come of a file so far, under a name that says so. It stays when a transfer ends early. */
export class PartFile {
  readonly #handle: FileHandle;
  readonly #path: string;
  /** For people. */
  readonly #name: string;
  #hash: RunningHash;

  private constructor(handle: FileHandle, path: string, name: string, hash: RunningHash) {
    this.#handle = handle;
    this.#path = path;
    this.#name = name;
    this.#hash = hash;
  }

  /** Opens or makes it, and reads what is there. @throws TransferError for a link, or no file */
  static async open(final: string, name: string, executable: boolean): Promise<PartFile> {
    const path = final + PART;
    try {
      const handle = await open(path, O_CREAT | O_RDWR | O_NOFOLLOW, executable ? EXECUTABLE : MODE);
      try {
        const stats = await handle.stat();
        // A second name of it may be anywhere, also outside the target folder.
        if (!stats.isFile() || stats.nlink > 1) {
          throw new TransferError('not_writable', `${name}${PART} is in the way: it is no file of its own`);
        }
        return new PartFile(handle, path, name, await hashOf(handle));
      } catch (error) {
        await handle.close();
        throw error;
      }
    } catch (error) {
      throw writeFault(error, name);
    }
  }

  get bytes(): number {
    return this.#hash.bytes;
  }

  digest(): Uint8Array {
    return this.#hash.digest();
  }

  /** What there is was not of this file. */
  async restart(): Promise<void> {
    this.#hash = new RunningHash();
    await this.#attempt(() => this.#handle.truncate(0));
  }

  async write(bytes: Uint8Array): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      const at = this.#hash.bytes;
      const { bytesWritten } = await this.#attempt(() => this.#handle.write(bytes, done, bytes.length - done, at));
      // After a full disk, what has arrived is still good for a resume.
      this.#hash.update(bytes.subarray(done, done + bytesWritten));
      done += bytesWritten;
    }
  }

  /** Gives it its name, and closes it. @throws TransferError `exists`, where it may not replace what has come meanwhile */
  async publish(final: string, replace: boolean): Promise<void> {
    await this.#attempt(() => this.#handle.close());
    await this.#attempt(() => (replace ? rename(this.#path, final) : renameToNew(this.#path, final, this.#name)));
  }

  /** Keeps it for a resume, if there is anything to keep. */
  async keep(): Promise<void> {
    await this.#handle.close();
    if (this.bytes === 0) await unlink(this.#path);
  }

  async discard(): Promise<void> {
    await this.#handle.close();
    await unlink(this.#path);
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw writeFault(error, this.#name);
    }
  }
}

/** A rename would replace a file that has come meanwhile without a word; a link fails then. */
async function renameToNew(from: string, to: string, name: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw new TransferError('exists', `${name} exists by now`);
    // Some file systems have no links: there is no way but to look first, which `decide` has done.
    return rename(from, to);
  }
  await unlink(from);
}

async function hashOf(handle: FileHandle): Promise<RunningHash> {
  const hash = new RunningHash();
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, hash.bytes);
    if (bytesRead === 0) return hash;
    hash.update(buffer.subarray(0, bytesRead));
  }
}
