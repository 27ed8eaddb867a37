import { constants } from 'node:fs';
import { lstat, readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { TransferError } from '../transfer/errors.ts';
import { MAX_ENTRIES } from '../transfer/receiver.ts';
import type { Entry } from '../transfer/records.ts';
import type { Outgoing, TransferSource } from '../transfer/sender.ts';
import { readFault } from './disk-errors.ts';
import { FileSource } from './file-source.ts';
import { checkEntries } from './names.ts';
import { StreamSource } from './stream-source.ts';

/** Stands for stdin on the command line. */
export const STDIN = '-';

interface Readable {
  prefix(bytes: number): Promise<Uint8Array | null>;
  open(from: number): Promise<Outgoing>;
  confirmed(bytes: number): void;
}

interface Found {
  readonly entry: Entry;
  /** Null for folders. */
  readonly content: Readable | null;
}

export interface SourceOptions {
  readonly stdin: AsyncIterable<Uint8Array>;
  /** What the receiver calls stdin. */
  readonly stdinName: string;
  /** Something in a folder that is left out. */
  readonly onSkipped: (path: string, what: string) => void;
}

/** Files and folders with what is in them, by the names that the receiver shall give them. @throws TransferError */
export async function openSources(paths: readonly string[], options: SourceOptions): Promise<TransferSource> {
  const found: Found[] = [];
  for (const path of paths) {
    if (path === STDIN) found.push(stdinOf(options));
    else await find(resolve(path), [basename(resolve(path))], found, options, true);
  }
  const entries = found.map(({ entry }) => entry);
  checkEntries(entries);
  const contentOf = (file: number): Readable => {
    const content = found[file]?.content;
    if (content) return content;
    throw new TransferError('protocol', `there is no file ${file}`);
  };
  return {
    entries,
    prefix: (file, bytes) => contentOf(file).prefix(bytes),
    open: (file, from) => contentOf(file).open(from),
    confirmed: (file, bytes) => contentOf(file).confirmed(bytes),
  };
}

function stdinOf({ stdin, stdinName }: SourceOptions): Found {
  return {
    entry: { path: [stdinName], folder: false, executable: false },
    content: new StreamSource('stdin', stdin),
  };
}

/** A link that the user has named is followed; one inside a folder is not, as it may lead anywhere. */
async function find(
  path: string,
  names: readonly string[],
  found: Found[],
  options: SourceOptions,
  isNamed: boolean,
): Promise<void> {
  try {
    const stats = await (isNamed ? stat : lstat)(path, { bigint: true });
    if (found.length === MAX_ENTRIES) {
      throw new TransferError('too_many', `more than ${MAX_ENTRIES} files and folders cannot be sent at once`);
    }
    if (stats.isFile()) {
      const executable = (stats.mode & BigInt(constants.S_IXUSR)) !== 0n;
      const entry = { path: names, folder: false, size: Number(stats.size), executable };
      found.push({ entry, content: new FileSource(path, stats) });
    } else if (stats.isDirectory()) {
      found.push({ entry: { path: names, folder: true, executable: false }, content: null });
      for (const name of (await readdir(path)).sort()) {
        await find(join(path, name), [...names, name], found, options, false);
      }
    } else if (isNamed) {
      throw new TransferError('not_readable', `${path} is neither a file nor a folder`);
    } else {
      options.onSkipped(path, stats.isSymbolicLink() ? 'a symbolic link' : 'no file');
    }
  } catch (error) {
    throw readFault(error, path);
  }
}
