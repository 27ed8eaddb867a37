import type { Clock } from './clock.ts';

const SECOND_MS = 1000;

/**
 * What a connection may do at once and in the long run: `burst` units, and `perSecond` more each second up to as many.
 * Time is asked for only when nothing is left.
 */
export class Allowance {
  private readonly burst: number;
  private readonly perSecond: number;
  private readonly clock: Clock;
  private left: number;
  /** Milliseconds since 1970. */
  private since: number;

  constructor(burst: number, perSecond: number, clock: Clock) {
    this.burst = burst;
    this.perSecond = perSecond;
    this.clock = clock;
    this.left = burst;
    this.since = clock.now();
  }

  /** False: not even what has come back since then is enough; nothing is taken. */
  take(units: number): boolean {
    if (this.left < units) this.refill();
    if (this.left < units) return false;
    this.left -= units;
    return true;
  }

  private refill(): void {
    const now = this.clock.now();
    const back = ((now - this.since) * this.perSecond) / SECOND_MS;
    this.left = Math.min(this.burst, this.left + Math.max(0, back));
    this.since = now;
  }
}
