import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';
import { BoundedLimiter, blockOf, MAX_SUBJECTS, waitOf } from '../bounded-limiter.ts';
import { subjectOf } from '../core/attempts.ts';
import { ATTEMPTS, type Attempt, type AttemptLimit, type AttemptLimits, type Attempts } from '../core/shared-ports.ts';
import type { Commands, OnCommand } from './commands.ts';
import type { Keys } from './keys.ts';

/** Characters of a digest: 128 bits. */
const DIGEST_LENGTH = 22;
/** Who was found not to be blocked is not asked for again for so long. */
const TRUST_MS = 1000;
/**
 * HELLOs of one peer that a node counts by itself before it asks Redis, so that a registration costs no more: up to
 * this many, and at most a tenth of the limit. What all nodes let pass may be over it by as much for each of them.
 */
const OWN_POINTS = 10;
const OWN_SHARE = 0.1;

/** Told by the insurance limiter, which gets the options of the call that it stands in for. */
interface Call {
  insured?: boolean;
}

/** Counts while Redis does not. */
class Insurance extends BoundedLimiter {
  override consume(key: string, points?: number, call: Call = {}): Promise<RateLimiterRes> {
    call.insured = true;
    return super.consume(key, points, call);
  }
}

interface Limiter {
  readonly shared: RateLimiterRedis;
  /** Counted here and not in Redis, as far as it goes; null where every attempt counts at once. */
  readonly own: BoundedLimiter | null;
  /** Until when, by its time to live. The library's own memory of the blocked has no bound. */
  readonly blocked: LRUCache<string, true>;
  readonly trusted: LRUCache<string, true>;
}

/** Attempts at all nodes together; without Redis, each node counts its own. */
export class RedisAttempts implements Attempts {
  private readonly limiters = new Map<Attempt, Limiter>();
  private readonly onCommand: OnCommand;

  constructor(commands: Commands, keys: Keys, limits: AttemptLimits, onCommand: OnCommand) {
    this.onCommand = onCommand;
    for (const attempt of ATTEMPTS) {
      const limit = limits[attempt];
      if (limit.points > 0) this.limiters.set(attempt, createLimiter(commands, keys.attempts(attempt), attempt, limit));
    }
  }

  async take(attempt: Attempt, subject: string): Promise<number> {
    const limiter = this.limiters.get(attempt);
    if (limiter === undefined) return 0;
    const key = keyOf(attempt, subject);
    const known = blockLeft(limiter, key);
    if (known > 0) return known;
    if (limiter.own !== null && (await waitOf(limiter.own.consume(key))) === 0) return 0;
    const wait = await this.measure((call) => waitOf(limiter.shared.consume(key, 1, call)));
    if (wait > 0) limiter.blocked.set(key, true, { ttl: wait });
    return wait;
  }

  async blockedFor(attempt: Attempt, subject: string): Promise<number> {
    const limiter = this.limiters.get(attempt);
    if (limiter === undefined) return 0;
    const key = keyOf(attempt, subject);
    const known = blockLeft(limiter, key);
    if (known > 0 || limiter.trusted.has(key)) return known;
    const count = await this.measure((call) => limiter.shared.get(key, call));
    const wait = blockOf(count, limiter.shared.points);
    if (wait > 0) limiter.blocked.set(key, true, { ttl: wait });
    else limiter.trusted.set(key, true);
    return wait;
  }

  private async measure<T>(ask: (call: Call) => Promise<T>): Promise<T> {
    const call: Call = {};
    const start = performance.now();
    const answer = await ask(call);
    this.onCommand('attempt', performance.now() - start, call.insured !== true);
    return answer;
  }
}

function createLimiter(commands: Commands, keyPrefix: string, attempt: Attempt, limit: AttemptLimit): Limiter {
  const { points, seconds, blockSeconds } = limit;
  const own = attempt === 'hello' ? Math.min(OWN_POINTS, Math.floor(points * OWN_SHARE)) : 0;
  return {
    shared: new RateLimiterRedis({
      storeClient: commands.client,
      rejectIfRedisNotReady: true,
      keyPrefix,
      points,
      duration: seconds,
      blockDuration: blockSeconds,
      insuranceLimiter: new Insurance(limit),
    }),
    own: own === 0 ? null : new BoundedLimiter({ points: own, seconds, blockSeconds: 0 }),
    blocked: new LRUCache({ max: MAX_SUBJECTS, ttl: 1 }),
    trusted: new LRUCache({ max: MAX_SUBJECTS, ttl: TRUST_MS }),
  };
}

function blockLeft({ blocked }: Limiter, key: string): number {
  return blocked.has(key) ? Math.max(1, blocked.getRemainingTTL(key)) : 0;
}

/** Of one length, and without the braces that a peer id may hold. */
function keyOf(attempt: Attempt, subject: string): string {
  return createHash('sha256').update(subjectOf(attempt, subject)).digest('base64url').slice(0, DIGEST_LENGTH);
}
