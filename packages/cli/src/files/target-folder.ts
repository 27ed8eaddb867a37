import type { Stats } from 'node:fs';
import { lstat, mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { TransferError } from '../transfer/errors.ts';
import { isMissing, writeFault } from './disk-errors.ts';
import { checkPath, shownPath } from './names.ts';

/**
 * The folder that nothing may be written outside of. It may be a link itself, since the user has named it; below it no
 * link is followed. Whoever may change the folder while files come in could do more than that anyway.
 */
export class TargetFolder {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  /** @throws TransferError for a folder that is not there */
  static async open(path: string): Promise<TargetFolder> {
    try {
      const root = await realpath(path);
      if ((await lstat(root)).isDirectory()) return new TargetFolder(root);
    } catch (error) {
      throw writeFault(error, path);
    }
    throw new TransferError('not_writable', `${path} is no folder`);
  }

  get root(): string {
    return this.#root;
  }

  /**
   * Where it is, or would be.
   * @throws TransferError `bad_name` for a path that a link or a file is in the way of
   */
  async locate(path: readonly string[]): Promise<string> {
    checkPath(path);
    await this.#walk(path.slice(0, -1), async () => false);
    return join(this.#root, ...path);
  }

  /** As `locate`, with the folders above it made. */
  async prepare(path: readonly string[]): Promise<string> {
    checkPath(path);
    await this.makeFolder(path.slice(0, -1));
    return join(this.#root, ...path);
  }

  async makeFolder(path: readonly string[]): Promise<void> {
    await this.#walk(path, async (folder) => {
      await mkdir(folder);
      return true;
    });
  }

  /** Looks at each folder from the target down. `onMissing` says whether it is there now. */
  async #walk(path: readonly string[], onMissing: (folder: string) => Promise<boolean>): Promise<void> {
    for (let depth = 1; depth <= path.length; depth++) {
      const names = path.slice(0, depth);
      const folder = join(this.#root, ...names);
      try {
        const stats = await lookAt(folder);
        if (stats === null) {
          if (await onMissing(folder)) continue;
          return;
        }
        if (stats.isDirectory()) continue;
        const what = stats.isSymbolicLink() ? 'a symbolic link, which is not followed' : 'no folder';
        throw new TransferError('bad_name', `${shownPath(names)} is ${what}`);
      } catch (error) {
        throw writeFault(error, shownPath(names));
      }
    }
  }
}

/** What is there, a link itself rather than what it leads to; null for nothing. */
export async function lookAt(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
