import type { LogRecord } from '../kit/relay.ts';
import type { Rng } from '../kit/rng.ts';
import type { RedisKind, World } from './world.ts';

/** Something that goes wrong for a while, and is over when the promise resolves. */
export interface Fault {
  readonly name: string;
  /** What it strikes: of each, at most one strikes at a time. */
  readonly target: 'clients' | 'relays' | 'redis';
  /** Under which Redis it can be injected. */
  readonly redis: readonly RedisKind[];
  /** It holds clients up by itself, whose conversations then stand still. */
  readonly slowsClients?: boolean;
  /** How often in a row it makes sense; once by default. */
  readonly inARow?: number;
  /** Whether a relay may log this as an error because of it. */
  readonly explains?: (record: LogRecord) => boolean;
  /** Why it cannot be injected on this machine. */
  readonly missing?: string;
  inject(world: World, rng: Rng): Promise<void>;
}

/** Whole milliseconds. */
export function between(rng: Rng, from: number, to: number): number {
  return from + rng.int(to - from + 1);
}
