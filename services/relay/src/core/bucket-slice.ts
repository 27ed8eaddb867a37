import type { Bucket } from './policy.ts';

/** Milliseconds between two looks at a scope. With what a timer is late, a scope asks less than once in 50 ms. */
export const TICK_MS = 55;

/** Ticks for which a node that is refused nothing has tokens in advance. */
const AHEAD_TICKS = 3;
/** How much of a tick's use is left in the memory of the highest after another tick. */
const PEAK_DECAY = 0.85;
const INCOME_WEIGHT = 0.25;
/** Where tokens run short, a node takes up to so many seconds' worth of its part at once, and never more than that. */
const SCARCE_SECONDS = 0.25;
const MOST_SECONDS = 0.3;
/** What an idle node may use at once of a bucket that it has not asked for of late, in seconds of the whole rate. */
const UNSEEN_SECONDS = 0.025;

const SOON_MS = 200;

/** What a slice asks for, and what comes back with that. */
export interface Exchange {
  readonly give: number;
  readonly want: number;
}

/** What a node holds of one unit of a shared bucket. */
export class Slice {
  private bucket: Bucket | null = null;
  /** The price of a message needs to be there up to this; the rest may become a debt, which is paid before the next. */
  private readonly quantum: number;
  /** Tokens here; below 0 while the node has used more than it had. */
  private balance = 0;
  /** So far below 0 may the balance go: a part of what is left for everybody. */
  private credit = 0;
  /** What is left to those who have used less than their fair share. */
  private reserve = 0;
  /** A peer's fair share of a tick's income. */
  fair = 0;
  private low = 0;
  /** The largest price that was refused since the last lease. */
  private missing = 0;
  private taken = 0;
  private peak = 0;
  /** Tokens that come in with a tick, on average. */
  private income = 0;
  /** The bucket's level and this node's debt, as told last. */
  private level = 0;
  private owed = 0;
  /** Taken as the node's share while the store was away. */
  private advance = 0;

  constructor(quantum: number) {
    this.quantum = quantum;
  }

  get limit(): Bucket | null {
    return this.bucket;
  }

  /** What is here, and what was left in the store. */
  get levels(): { readonly here: number; readonly left: number } {
    return { here: this.balance, left: this.level };
  }

  /** @param nodes that share a new bucket, which is full */
  apply(bucket: Bucket | null, nodes: number): void {
    if (bucket === null) this.clear();
    else if (this.bucket === null) {
      this.level = bucket.burst;
      this.credit = bucket.burst / nodes;
    } else {
      this.level = Math.min(this.level, bucket.burst);
      this.credit = Math.min(this.credit, bucket.burst / nodes);
    }
    this.bucket = bucket;
    this.cut(nodes);
  }

  /** What was leased under an earlier limit is cut to this node's part of the present burst. */
  cut(nodes: number): void {
    if (this.bucket !== null) this.balance = Math.min(this.balance, Math.max(this.bucket.burst / nodes, 1));
  }

  /** @param light whether who asks has used less than its fair share */
  admits(price: number, light: boolean): boolean {
    if (this.bucket === null || price === 0) return true;
    if (price > this.bucket.burst) return false;
    return this.balance - this.bottom(light) >= Math.min(price, this.quantum);
  }

  take(price: number): void {
    this.balance -= price;
    this.taken += price;
  }

  /** Less is here than is soon used. */
  get isLow(): boolean {
    return this.bucket !== null && this.balance < this.low;
  }

  /** More is here than is soon used. */
  hasExcess(room: number): boolean {
    return this.bucket !== null && this.balance > 2 * room + 1;
  }

  get isSettled(): boolean {
    return this.bucket === null || this.balance === 0;
  }

  refused(price: number): void {
    if (this.bucket !== null) this.missing = Math.max(this.missing, Math.min(price, this.quantum, this.bucket.burst));
  }

  /** A tick has passed; so many peers are sending. */
  roll(active: number): void {
    this.peak = Math.max(this.taken, this.peak * PEAK_DECAY);
    this.taken = 0;
    this.fair = this.income / active;
    this.reserve = this.bucket === null || active < 2 ? 0 : Math.max(1, this.income);
  }

  /** So many tokens should be here. */
  room(scarce: boolean, idle: boolean, share: number): number {
    if (this.bucket === null || idle) return 0;
    const { perSecond } = this.bucket;
    const wanted = AHEAD_TICKS * this.peak;
    const target = scarce ? Math.max(wanted, perSecond * SCARCE_SECONDS * share) : wanted;
    const room =
      Math.max(Math.min(target, perSecond * MOST_SECONDS), this.missing, scarce ? 1 + share : 1) + this.reserve;
    this.low = room / 2;
    return room;
  }

  /** Takes what goes back off the balance, debts included, and says what is wanted. */
  exchange(room: number): Exchange {
    this.missing = 0;
    if (this.bucket === null) return { give: 0, want: 0 };
    let give = 0;
    if (this.balance < 0) give = this.balance;
    else if (this.balance > 2 * room + 1 || room === 0) give = Math.max(this.balance - room, 0);
    this.balance -= give;
    if (give < 0) this.credit = Math.max(this.credit + give, 0);
    return { give, want: Math.max(room - this.balance, 0) };
  }

  /** @param nodes that may use what is left in the bucket at the same time */
  leased(granted: number, level: number, owed: number, ticks: number, nodes: number): void {
    if (this.bucket === null) return;
    this.balance += Math.max(granted - this.advance, 0);
    this.advance = 0;
    this.level = level;
    this.owed = owed;
    this.credit = Math.max(level, 0) / nodes;
    this.income += INCOME_WEIGHT * (granted / ticks - this.income);
  }

  /** What may have accrued since the store was asked, `ms` ago; little of it, as others may have used it. */
  extrapolate(ms: number, nodes: number): void {
    if (this.bucket === null) return;
    const unseen = nodes * Math.max(1, this.bucket.perSecond * UNSEEN_SECONDS);
    const accrued = this.level + this.owed + (this.bucket.perSecond * ms) / 1000;
    this.credit = Math.max(this.credit, Math.min(accrued, Math.max(this.level, unseen), this.bucket.burst) / nodes);
  }

  /** The store is away: nothing is known of what is left. */
  forgetCredit(): void {
    this.credit = 0;
  }

  /** The store is away: the node's share of what accrues. */
  accrue(ms: number, nodes: number): void {
    if (this.bucket === null) return;
    const { perSecond, burst } = this.bucket;
    const most = Math.max(Math.max(burst, perSecond * SCARCE_SECONDS) / nodes, this.missing, 1);
    const before = this.balance;
    this.balance = Math.max(before, Math.min(before + (perSecond * ms) / 1000 / nodes, most));
    this.advance += this.balance - before;
  }

  /** Milliseconds until a message of this price may pass, when tokens go on to come in as they do. */
  waitMs(price: number, light: boolean, share: number): number {
    if (this.bucket === null || this.admits(price, light)) return 0;
    if (price > this.bucket.burst) return Infinity;
    const lacking = Math.min(price, this.quantum) + this.bottom(light) - this.balance - this.owed;
    if (lacking <= this.level) return TICK_MS;
    const perTick = Math.max(this.income, (this.bucket.perSecond * share * TICK_MS) / 1000);
    // Others may want less before long: who sleeps for its part of what is scarce now may leave tokens unused.
    const soonest = (Math.min(price, this.quantum) * 1000) / this.bucket.perSecond;
    return Math.min((lacking / perTick) * TICK_MS + TICK_MS / 2, Math.max(2 * soonest, SOON_MS));
  }

  /** Milliseconds until a bucket that nobody uses is full again, from when it was asked. */
  get recoveryMs(): number {
    if (this.bucket === null) return 0;
    const missing = this.bucket.burst - this.level - this.owed;
    return missing > 0 ? (missing * 1000) / this.bucket.perSecond : 0;
  }

  private bottom(light: boolean): number {
    if (this.credit > 0) return -this.credit;
    return light ? 0 : this.reserve;
  }

  private clear(): void {
    this.balance = 0;
    this.credit = 0;
    this.reserve = 0;
    this.peak = 0;
    this.income = 0;
    this.level = 0;
    this.owed = 0;
    this.advance = 0;
  }
}
