import { visible } from '../table.ts';
import { TransferError } from '../transfer/errors.ts';
import type { Entry } from '../transfer/records.ts';

/** Ends the name of a file that is not complete yet. */
export const PART = '.causeway.part';

/** Bytes of a name that file systems take, less what is put behind it while the file is not complete. */
const MAX_NAME_BYTES = 255 - PART.length;
/** Bytes of a path below the target folder. */
const MAX_PATH_BYTES = 2048;
/** Devices of Windows, whatever follows the first dot. */
const DEVICE = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?: *\.| *$)/i;

/** Why no file may have this name; null if one may. The same on every system, so that any can receive it. */
export function faultOfName(name: string): string | null {
  if (name === '' || name === '.' || name === '..') return 'is no name';
  if (/\p{Cs}/u.test(name)) return 'is no valid text';
  if (/\p{Cc}/u.test(name)) return 'has control characters';
  if (/[/\\]/.test(name)) return 'has a separator in it';
  if (/[<>:"|?*]/.test(name)) return 'has one of < > : " | ? *, which Windows reserves';
  if (/[. ]$/.test(name)) return 'ends in a dot or blank, which Windows drops';
  if (DEVICE.test(name)) return 'is the name of a device of Windows';
  if (name.toLowerCase().endsWith(PART)) return `ends in ${PART}, which stands for what is not complete`;
  const bytes = Buffer.byteLength(name);
  return bytes > MAX_NAME_BYTES ? `is ${bytes} bytes long, ${MAX_NAME_BYTES} are allowed` : null;
}

/** @throws TransferError `bad_name` */
export function checkPath(path: readonly string[]): void {
  if (path.length === 0) throw new TransferError('bad_name', 'a file without a name');
  for (const name of path) {
    const fault = faultOfName(name);
    if (fault !== null) throw new TransferError('bad_name', `the name ${quoted(name)} ${fault}`);
  }
  const bytes = Buffer.byteLength(path.join('/'));
  if (bytes > MAX_PATH_BYTES) {
    throw new TransferError('bad_name', `a path of ${bytes} bytes is offered, ${MAX_PATH_BYTES} are allowed`);
  }
}

/** No path twice, and none below something that is a file. @throws TransferError `bad_name` */
export function checkEntries(entries: readonly Entry[]): void {
  const kinds = new Map<string, 'file' | 'folder'>();
  for (const { path, folder } of entries) {
    checkPath(path);
    const shown = path.join('/');
    const known = kinds.get(shown);
    if (known !== undefined && !(known === 'folder' && folder)) throw twice(shown);
    kinds.set(shown, folder ? 'folder' : 'file');
    for (let depth = 1; depth < path.length; depth++) {
      const parent = path.slice(0, depth).join('/');
      if (kinds.get(parent) === 'file') throw twice(parent);
      kinds.set(parent, 'folder');
    }
  }
}

/** As a person may see it: nothing that a terminal would act on, and not too long. */
export function shownPath(path: readonly string[]): string {
  return visible(path.join('/'));
}

function twice(path: string): TransferError {
  return new TransferError('bad_name', `${quoted(path)} is offered twice`);
}

function quoted(name: string): string {
  const cut = name.length > 60 ? `${name.slice(0, 60)}...` : name;
  return JSON.stringify(visible(cut));
}
