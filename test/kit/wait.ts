import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;

export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

/** A promise that is settled from outside. */
export function deferred<T>(): Deferred<T> {
  let settle: Omit<Deferred<T>, 'promise'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...(settle as Omit<Deferred<T>, 'promise'>) };
}

export interface WaitOptions {
  /** What is waited for, for the error: "replicas are connected". */
  readonly what: string;
  /** Generous: it bounds a failing test, it is no assertion about speed. */
  readonly timeoutMs?: number;
}

/** Thrown by a check that can never succeed any more: the wait ends with it at once. */
export class GiveUp extends Error {}

/**
 * Polls until `check` gives something other than false, null or undefined, and returns it. For what cannot be awaited
 * as an event. A check that throws is tried again; its last error is the cause of the timeout's.
 */
export async function waitFor<T>(
  check: () => T | Promise<T>,
  { what, timeoutMs = 10_000 }: WaitOptions,
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  do {
    try {
      const value = await check();
      if (value !== false && value !== null && value !== undefined) return value as NonNullable<Exclude<T, false>>;
      cause = undefined;
    } catch (error) {
      if (error instanceof GiveUp) throw error;
      cause = error;
    }
    await sleep(POLL_MS);
  } while (performance.now() < deadline);
  throw new Error(`after ${timeoutMs} ms still waiting until ${what}`, { cause });
}

/** The promise's value, or an error that says what was waited for; the timer is gone either way. */
export async function within<T>(promise: Promise<T>, timeoutMs: number, what: () => string): Promise<T> {
  const { promise: expired, reject } = deferred<never>();
  const timer = setTimeout(() => reject(new Error(`after ${timeoutMs} ms still waiting for ${what()}`)), timeoutMs);
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}
