import { readFileSync } from 'node:fs';

/** Where the open-file limit cannot be read (not Linux). */
const UNKNOWN_LIMIT = 10_000;
const FEWEST = 64;
const MOST = 1_000_000;
/** Files for Redis, logs, the admin port, and sockets that are turned away or linger: an eighth, within these. */
const LEAST_RESERVE = 64;
const MOST_RESERVE = 2048;

/** How many clients this process has files for. */
export function readConnectionLimit(): number {
  return connectionLimit(readOpenFileLimit());
}

/** `openFiles` is the process's limit, Infinity for none. */
export function connectionLimit(openFiles: number): number {
  const reserve = clamp(Math.floor(openFiles / 8), LEAST_RESERVE, MOST_RESERVE);
  return clamp(openFiles - reserve, FEWEST, MOST);
}

function readOpenFileLimit(): number {
  try {
    return parseOpenFileLimit(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return UNKNOWN_LIMIT;
  }
}

/** The soft limit in the text of /proc/self/limits. */
export function parseOpenFileLimit(limits: string): number {
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  if (soft === undefined) return UNKNOWN_LIMIT;
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
