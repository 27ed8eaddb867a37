import { type Fault, TransferError } from '../transfer/errors.ts';

const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on the disk',
  EDQUOT: 'the quota of the disk is used up',
  EFBIG: 'the file system takes no file of this size',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOENT: 'it is not there',
  ENOTDIR: 'a part of its path is no folder',
  EISDIR: 'it is a folder',
  ELOOP: 'it is a symbolic link',
  ENAMETOOLONG: 'its name is too long for the file system',
  EIO: 'the disk failed',
  EPIPE: 'nobody reads it any more',
};
const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** What the system refused, in words; an error that is not the system's goes on as it is. */
export function writeFault(error: unknown, name: string): unknown {
  const code = codeOf(error);
  if (code === null) return error;
  return new TransferError(FULL.has(code) ? 'no_space' : 'not_writable', `${name} cannot be written: ${words(code)}`);
}

export function readFault(error: unknown, name: string): unknown {
  const code = codeOf(error);
  if (code === null) return error;
  const fault: Fault = code === 'ENOENT' ? 'source_gone' : 'not_readable';
  return new TransferError(fault, `${name} cannot be read: ${words(code)}`);
}

export function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}

/** The code of an error of the operating system. */
export function codeOf(error: unknown): string | null {
  if (!(error instanceof Error) || error instanceof TransferError) return null;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return code === undefined || syscall === undefined ? null : code;
}

function words(code: string): string {
  return WORDS[code] ?? code;
}
