import { Deferred } from './deferred.ts';
import type { ConnectionError } from './errors.ts';

/** From `start` to the end: what is waited for. */
export interface Run {
  readonly welcomed: Deferred<void>;
  readonly closed: Deferred<ConnectionError | null>;
}

export function newRun(): Run {
  return { welcomed: new Deferred(), closed: new Deferred() };
}
