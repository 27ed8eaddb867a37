import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { TransferError } from '../transfer/errors.ts';
import type { Decision, Sink, TransferTarget } from '../transfer/receiver.ts';
import type { Entry } from '../transfer/records.ts';
import { roughBytes } from '../units.ts';
import { writeFault } from './disk-errors.ts';
import { checkEntries, PART, shownPath } from './names.ts';
import { PartFile } from './part-file.ts';
import { lookAt, type TargetFolder } from './target-folder.ts';

/** What to do with a name that is taken. */
export type Answer = 'overwrite' | 'rename' | 'skip';

export interface Questions {
  /** @throws TransferError `declined` */
  begin(entries: readonly Entry[], over: AbortSignal): Promise<void>;
  /** @throws TransferError `exists`, `declined` */
  taken(path: string, over: AbortSignal): Promise<Answer>;
}

interface FileState {
  readonly entry: Entry;
  /** Where it goes: another name than was offered if the user wants so. */
  path: readonly string[];
  part: PartFile | null;
  /** A file of this name and size that may be the same one. */
  twin: string | null;
  settled: boolean;
  skipped: boolean;
  replace: boolean;
  saved: boolean;
}

/** Receives files and folders into a folder. */
export class IncomingFiles implements TransferTarget {
  readonly #folder: TargetFolder;
  readonly #questions: Questions;
  #files: FileState[] | null = null;

  constructor(folder: TargetFolder, questions: Questions) {
    this.#folder = folder;
    this.#questions = questions;
  }

  /** Where a file goes, by the user's wish perhaps under another name than was offered. */
  pathOf(file: number): readonly string[] {
    return this.#at(file).path;
  }

  async consider(entries: readonly Entry[], over: AbortSignal): Promise<void> {
    if (this.#files !== null) return this.#compare(entries, this.#files);
    checkEntries(entries);
    for (const { path } of entries) await this.#folder.locate(path);
    await this.#questions.begin(entries, over);
    this.#files = entries.map((entry) => ({
      entry,
      path: entry.path,
      part: null,
      twin: null,
      settled: false,
      skipped: entry.folder,
      replace: false,
      saved: false,
    }));
  }

  async held(file: number): Promise<number> {
    const state = this.#at(file);
    if (state.saved || state.skipped) return 0;
    if (state.part !== null) return state.part.bytes;
    const path = await this.#folder.locate(state.path);
    if ((await lookAt(path + PART)) !== null) return (await this.#openPart(state)).bytes;
    const stats = await lookAt(path);
    if (state.settled || !stats?.isFile() || stats.size !== state.entry.size) return 0;
    state.twin = path;
    return stats.size;
  }

  async decide(prefixes: ReadonlyMap<number, Uint8Array>, over: AbortSignal): Promise<readonly Decision[]> {
    const states = this.#files ?? [];
    for (const [file, state] of states.entries()) {
      if (!state.skipped && !state.saved) await this.#settle(state, prefixes.get(file), over);
    }
    // Nothing is made before every question is answered.
    for (const { entry } of states) if (entry.folder) await this.#folder.makeFolder(entry.path);
    const wanted = [...states.entries()].filter(([, { saved, skipped }]) => !saved && !skipped);
    const decisions = wanted.map(([file, { part }]) => ({ file, from: part?.bytes ?? 0 }));
    await this.#checkSpace(decisions);
    return decisions;
  }

  async open(file: number, from: number): Promise<Sink> {
    const state = this.#at(file);
    const part = state.part ?? (await this.#openPart(state));
    if (part.bytes !== from) await part.restart();
    return {
      write: async (bytes) => {
        if (part.bytes + bytes.length > (state.entry.size ?? Number.POSITIVE_INFINITY)) {
          throw new TransferError('protocol', `${shownPath(state.path)} is longer than was offered`);
        }
        await part.write(bytes);
      },
      finish: (hash) => this.#finish(state, part, hash),
    };
  }

  /** Lets go of what is not complete; it stays on the disk. */
  async close(): Promise<void> {
    for (const state of this.#files ?? []) {
      const { part } = state;
      state.part = null;
      await part?.keep();
    }
  }

  async #settle(state: FileState, prefix: Uint8Array | undefined, over: AbortSignal): Promise<void> {
    if (state.part !== null && !isEqual(state.part.digest(), prefix)) await state.part.restart();
    if (state.settled) return;
    const path = await this.#folder.locate(state.path);
    if (state.twin !== null && isEqual(await hashOfFile(state.twin), prefix)) {
      state.skipped = true;
    } else if ((await lookAt(path)) !== null) {
      const answer = await this.#questions.taken(shownPath(state.path), over);
      state.skipped = answer === 'skip';
      state.replace = answer === 'overwrite';
      if (answer === 'rename') await this.#rename(state);
    }
    state.settled = true;
  }

  async #rename(state: FileState): Promise<void> {
    await state.part?.keep();
    state.part = null;
    const name = state.path.at(-1) ?? '';
    const dot = name.lastIndexOf('.');
    const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
    for (let number = 1; ; number++) {
      const path = [...state.path.slice(0, -1), `${stem} (${number})${extension}`];
      const isOurs = this.#files?.some((other) => other.path.join('/') === path.join('/')) ?? false;
      if (isOurs || (await lookAt(await this.#folder.locate(path))) !== null) continue;
      state.path = path;
      return;
    }
  }

  async #openPart(state: FileState): Promise<PartFile> {
    const final = await this.#folder.prepare(state.path);
    state.part = await PartFile.open(final, shownPath(state.path), state.entry.executable);
    return state.part;
  }

  async #finish(state: FileState, part: PartFile, hash: Uint8Array): Promise<void> {
    const shown = shownPath(state.path);
    const { size = part.bytes } = state.entry;
    if (part.bytes !== size || !isEqual(part.digest(), hash)) {
      state.part = null;
      await part.discard();
      throw new TransferError('hash_mismatch', `${shown} arrived damaged: it is not what was read at the other end`);
    }
    // The folders above it may be others by now.
    const final = await this.#folder.locate(state.path);
    state.part = null;
    await part.publish(final, state.replace);
    state.saved = true;
  }

  async #checkSpace(decisions: readonly Decision[]): Promise<void> {
    const { root } = this.#folder;
    const needed = decisions.reduce((sum, { file, from }) => sum + (this.#at(file).entry.size ?? from) - from, 0);
    const { bavail, bsize } = await statfs(root).catch((error: unknown) => {
      throw writeFault(error, root);
    });
    if (needed <= bavail * bsize) return;
    const free = roughBytes(bavail * bsize);
    throw new TransferError('no_space', `${roughBytes(needed)} are needed and ${free} are free on the disk`);
  }

  #compare(entries: readonly Entry[], files: readonly FileState[]): void {
    const same = (one: Entry, other: Entry | undefined): boolean =>
      one.path.join('/') === other?.path.join('/') && one.size === other.size && one.folder === other.folder;
    if (entries.length === files.length && entries.every((entry, index) => same(entry, files[index]?.entry))) return;
    throw new TransferError('offer_changed', 'the other end offers something else than before');
  }

  #at(file: number): FileState {
    const state = this.#files?.[file];
    if (state === undefined) throw new TransferError('protocol', `there is no file ${file}`);
    return state;
  }
}

function isEqual(one: Uint8Array, other: Uint8Array | undefined): boolean {
  return other !== undefined && Buffer.compare(one, other) === 0;
}

async function hashOfFile(path: string): Promise<Uint8Array> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return new Uint8Array(hash.digest());
}
