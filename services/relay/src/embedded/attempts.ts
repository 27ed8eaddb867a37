import { BoundedLimiter, blockOf, waitOf } from '../bounded-limiter.ts';
import { subjectOf } from '../core/attempts.ts';
import { ATTEMPTS, type Attempt, type AttemptLimits, type Attempts } from '../core/shared-ports.ts';

/** Attempts at one node, which counts its own. */
export class EmbeddedAttempts implements Attempts {
  private readonly limiters = new Map<Attempt, BoundedLimiter>();

  constructor(limits: AttemptLimits) {
    for (const attempt of ATTEMPTS) {
      if (limits[attempt].points > 0) this.limiters.set(attempt, new BoundedLimiter(limits[attempt]));
    }
  }

  async take(attempt: Attempt, subject: string): Promise<number> {
    const limiter = this.limiters.get(attempt);
    return limiter === undefined ? 0 : waitOf(limiter.consume(subjectOf(attempt, subject)));
  }

  async blockedFor(attempt: Attempt, subject: string): Promise<number> {
    const limiter = this.limiters.get(attempt);
    return limiter === undefined ? 0 : blockOf(await limiter.get(subjectOf(attempt, subject)), limiter.points);
  }
}
