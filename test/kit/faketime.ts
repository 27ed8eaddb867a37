import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Env } from './relay.ts';

/** Where Debian's package puts the library, for each of its architectures. */
const LIBRARY = 'faketime/libfaketime.so.1';

function findLibrary(): string | null {
  if (!existsSync('/usr/lib')) return null;
  const found = readdirSync('/usr/lib').map((folder) => join('/usr/lib', folder, LIBRARY));
  return found.find((path) => existsSync(path)) ?? null;
}

const library = findLibrary();

/** Why clocks cannot be moved on this machine; null where they can. */
export const FAKETIME_MISSING = library === null ? 'libfaketime is not installed (apt-get install faketime)' : null;

/** For a process whose wall clock is to be so many seconds ahead of the machine's; its timers are not touched. */
export function fakeClock(seconds: number): Env {
  if (library === null || seconds === 0) return { LD_PRELOAD: '' };
  const offset = `${seconds > 0 ? '+' : ''}${seconds}s`;
  return { LD_PRELOAD: library, FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1' };
}
