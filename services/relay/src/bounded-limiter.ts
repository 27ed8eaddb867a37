import { LRUCache } from 'lru-cache';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { AttemptLimit } from './core/shared-ports.ts';

/** About 500 bytes each, with their timers. */
export const MAX_SUBJECTS = 20_000;

/**
 * Counts in memory, and for a bounded number of subjects: beyond it those are forgotten that have tried nothing for the
 * longest time.
 */
export class BoundedLimiter extends RateLimiterMemory {
  private readonly known: LRUCache<string | number, true>;

  constructor({ points, seconds, blockSeconds }: AttemptLimit, maxSubjects = MAX_SUBJECTS) {
    super({ points, duration: seconds, blockDuration: blockSeconds, keyPrefix: '' });
    this.known = new LRUCache({ max: maxSubjects, dispose: (_, subject) => void this.delete(subject) });
  }

  /** Subjects that are remembered. */
  get size(): number {
    return this.known.size;
  }

  override consume(...args: Parameters<RateLimiterMemory['consume']>): Promise<RateLimiterRes> {
    // Not `set`: that would dispose of a known one, and with it of its count.
    if (this.known.get(args[0]) === undefined) this.known.set(args[0], true);
    return super.consume(...args);
  }
}

/** Milliseconds to wait; 0: the limiter lets it pass. A limiter says no by rejecting. */
export async function waitOf(consumed: Promise<RateLimiterRes>): Promise<number> {
  try {
    await consumed;
    return 0;
  } catch (answer) {
    return answer instanceof RateLimiterRes ? Math.max(1, answer.msBeforeNext) : 0;
  }
}

/** Milliseconds for which who has this count is blocked. */
export function blockOf(count: RateLimiterRes | null, points: number): number {
  return count !== null && count.consumedPoints > points ? Math.max(0, count.msBeforeNext) : 0;
}
