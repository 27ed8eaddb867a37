import type { Amounts } from './bucket-ports.ts';
import type { Clock } from './clock.ts';
import type { Bucket, Buckets } from './policy.ts';

/** Counts on while there are limits, several times a second: saves the message path from asking the clock. */
export interface Beat {
  tick: number;
  /** Milliseconds since 1970 at the last tick. */
  now: number;
}

/** One unit of a bucket that fills here. */
class Tank {
  private bucket: Bucket | null = null;
  level = 0;

  covers(amount: number): boolean {
    return this.bucket === null || amount <= this.level;
  }

  take(amount: number): void {
    if (this.bucket !== null) this.level -= amount;
  }

  fill(ms: number): void {
    if (this.bucket === null) return;
    this.level = Math.min(this.bucket.burst, this.level + (this.bucket.perSecond * ms) / 1000);
  }

  /** Milliseconds until there is so much. */
  waitMs(amount: number): number {
    if (this.bucket === null || amount <= this.level) return 0;
    return amount > this.bucket.burst ? Infinity : ((amount - this.level) * 1000) / this.bucket.perSecond;
  }

  /** The level is kept, and cut to the new burst; a new limit begins with `level`, full without. */
  apply(bucket: Bucket | null, level = bucket?.burst ?? 0): void {
    const kept = this.bucket === null ? level : this.level;
    this.level = bucket === null ? 0 : Math.min(kept, bucket.burst);
    this.bucket = bucket;
  }
}

/** A peer's own bucket while the peer is registered here: nobody else fills or empties it. */
export class PeerBucket {
  private readonly messages = new Tank();
  private readonly bytes = new Tank();
  private readonly clock: Clock;
  private readonly beat: Beat;
  private tick: number;
  private filledAt: number;
  /** As in force. */
  buckets: Buckets;

  constructor(buckets: Buckets, level: Amounts, clock: Clock, beat: Beat) {
    this.clock = clock;
    this.beat = beat;
    this.tick = beat.tick;
    this.filledAt = clock.now();
    this.buckets = buckets;
    this.messages.apply(buckets.messages, level.messages);
    this.bytes.apply(buckets.bytes, level.bytes);
  }

  covers(messages: number, bytes: number): boolean {
    // Once a tick at least: what accrues while it is full must not count when it is not full any more.
    if (this.tick !== this.beat.tick) {
      this.tick = this.beat.tick;
      if (this.beat.now > this.filledAt) this.fill(this.beat.now);
    }
    if (this.messages.covers(messages) && this.bytes.covers(bytes)) return true;
    this.fill(this.clock.now());
    return this.messages.covers(messages) && this.bytes.covers(bytes);
  }

  take(messages: number, bytes: number): void {
    this.messages.take(messages);
    this.bytes.take(bytes);
  }

  waitMs(messages: number, bytes: number): number {
    return Math.max(this.messages.waitMs(messages), this.bytes.waitMs(bytes));
  }

  apply(buckets: Buckets): void {
    this.fill(this.clock.now());
    this.messages.apply(buckets.messages);
    this.bytes.apply(buckets.bytes);
    this.buckets = buckets;
  }

  /** What the store had of it. */
  reset(level: Amounts): void {
    this.filledAt = this.clock.now();
    this.messages.level = level.messages;
    this.bytes.level = level.bytes;
  }

  /** What is in it now. */
  level(): Amounts {
    this.fill(this.clock.now());
    return { messages: this.messages.level, bytes: this.bytes.level };
  }

  private fill(now: number): void {
    const ms = now - this.filledAt;
    this.filledAt = now;
    if (ms <= 0) return;
    this.messages.fill(ms);
    this.bytes.fill(ms);
  }
}
