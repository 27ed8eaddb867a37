import { createHash } from 'node:crypto';
import { TransferError } from '../src/transfer/errors.ts';
import type { Decision, TransferTarget } from '../src/transfer/receiver.ts';
import type { Entry } from '../src/transfer/records.ts';
import type { TransferSource } from '../src/transfer/sender.ts';

type Files = Readonly<Record<string, Uint8Array>>;

const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(bytes).digest());

interface SourceFaults {
  /** Byte at which a read fails. */
  readonly failAt?: number;
  readonly onRead?: (at: number) => void;
}

/** Files in memory, read `chunk` bytes at once. */
export function memorySource(files: Files, chunk = 1000, { failAt, onRead }: SourceFaults = {}): TransferSource {
  const contents = Object.values(files);
  const contentOf = (file: number): Uint8Array => contents[file] ?? new Uint8Array();
  return {
    entries: Object.entries(files).map(([name, { length }]) => ({
      path: [name],
      folder: false,
      size: length,
      executable: false,
    })),
    prefix: async (file, bytes) => (bytes > contentOf(file).length ? null : sha256(contentOf(file).subarray(0, bytes))),
    open: async (file, from) => {
      let at = from;
      return {
        next: async () => {
          onRead?.(at);
          if (failAt !== undefined && at >= failAt) throw new TransferError('source_gone', 'it is not there');
          const read = contentOf(file).subarray(at, at + chunk);
          at += read.length;
          return read.length === 0 ? null : read;
        },
        digest: () => sha256(contentOf(file)),
        close: async () => undefined,
      };
    },
    confirmed: () => undefined,
  };
}

export interface MemoryTarget extends TransferTarget {
  readonly opened: Decision[];
  /** What is complete. */
  files(): Files;
  parts(): Files;
}

/** Takes everything, and has `parts` already. */
export function memoryTarget(parts: Files = {}, { capacity = Number.POSITIVE_INFINITY } = {}): MemoryTarget {
  let entries: readonly Entry[] = [];
  const kept = new Map(Object.entries(parts));
  const done = new Map<string, Uint8Array>();
  const opened: Decision[] = [];
  const nameOf = (file: number): string => entries[file]?.path.join('/') ?? '';
  const partOf = (file: number): Uint8Array => kept.get(nameOf(file)) ?? new Uint8Array();
  return {
    opened,
    files: () => Object.fromEntries(done),
    parts: () => Object.fromEntries(kept),
    consider: async (offered) => {
      entries = offered;
    },
    held: async (file) => (done.has(nameOf(file)) ? 0 : partOf(file).length),
    decide: async (prefixes) =>
      [...entries.keys()]
        .filter((file) => !done.has(nameOf(file)))
        .map((file) => {
          const isSame = Buffer.compare(sha256(partOf(file)), prefixes.get(file) ?? new Uint8Array()) === 0;
          return { file, from: isSame ? partOf(file).length : 0 };
        }),
    open: async (file, from) => {
      opened.push({ file, from });
      kept.set(nameOf(file), partOf(file).slice(0, from));
      return {
        write: async (bytes) => {
          const content = Buffer.concat([partOf(file), bytes]);
          if (content.length > capacity) throw new TransferError('no_space', 'no space is left');
          kept.set(nameOf(file), new Uint8Array(content));
        },
        finish: async (hash) => {
          const content = partOf(file);
          if (Buffer.compare(sha256(content), hash) !== 0) throw new TransferError('hash_mismatch', 'damaged');
          done.set(nameOf(file), content);
          kept.delete(nameOf(file));
        },
      };
    },
  };
}
