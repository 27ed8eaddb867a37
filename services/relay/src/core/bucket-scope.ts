import type { NodeId } from '@causeway/protocol';
import { hint, IDLE_TICKS, type Member } from './bucket-member.ts';
import type { Beat } from './bucket-peer.ts';
import type { BucketScope, BucketStore, Leased, LeaseRequest } from './bucket-ports.ts';
import { Slice, TICK_MS } from './bucket-slice.ts';
import type { Clock, Timers } from './clock.ts';
import type { Buckets } from './policy.ts';

/** Less than a tick, so that a late one does not let the next wait. */
const SPACING_MS = 51;
const AWAY_SPACING_MS = 100;
/** A store that has not answered for so long counts as away. */
const SILENT_MS = 500;
/** A node asks on behalf of who was refused until so long after that one is to try again. */
const GRACE_MS = 100;
const LONGEST_SCARCE_MS = hint(Infinity) + GRACE_MS;
const KEEP_MS = 180;
/** What was told of a bucket's level holds for so long. */
const FRESH_MS = 200;
const CLOSED_RETRY_MS = 1000;

/** What holds for shared buckets while the store is away. */
export type AwayPolicy = 'share' | 'open' | 'closed';

export interface ScopeDeps {
  readonly node: NodeId;
  readonly store: BucketStore;
  readonly clock: Clock;
  readonly beat: Beat;
  readonly away: AwayPolicy;
  /** Living nodes as last known; at least 1. */
  readonly nodes: () => number;
  /** Grows over all scopes: one that was forgotten here is still known in the store. */
  readonly nextSequence: () => number;
  readonly timers: Timers;
  /** Has `tick` called from now on. */
  readonly wake: (scope: Scope) => void;
  /** Whether the store has answered. */
  readonly onReply: (answered: boolean) => void;
}

/** This node's part in a bucket that all nodes share. */
export class Scope {
  readonly scope: BucketScope;
  private readonly deps: ScopeDeps;
  private readonly messages = new Slice(Infinity);
  private readonly bytes = new Slice(1);
  private version = 0;
  private mayAsk = true;
  private isAwake = false;
  /** The request under way. */
  private asking: Promise<void> | null = null;
  /** Not answered: whether it took effect is not known, so it has to be repeated as it is. */
  private unanswered: LeaseRequest | null = null;
  private askedAt = -Infinity;
  private answeredAt = -Infinity;
  private isAway = false;
  private tickedAt = 0;
  private usedTick = 0;
  private scarceUntil = 0;
  private share: number;
  private period = 0;
  private activeBefore = 0;
  private activeNow = 0;
  /** Registrations on this node that may use it. */
  users = 0;
  admitted = 0;
  refused = 0;

  constructor(scope: BucketScope, deps: ScopeDeps) {
    this.scope = scope;
    this.deps = deps;
    this.share = 1 / deps.nodes();
  }

  get buckets(): Buckets {
    return { messages: this.messages.limit, bytes: this.bytes.limit };
  }

  get levels() {
    return { messages: this.messages.levels, bytes: this.bytes.levels };
  }

  get storeIsAway(): boolean {
    return this.isAway;
  }

  apply(buckets: Buckets, version: number): void {
    const nodes = this.deps.nodes();
    this.version = version;
    this.messages.apply(buckets.messages, nodes);
    this.bytes.apply(buckets.bytes, nodes);
  }

  covers(member: Member, messages: number, bytes: number): boolean {
    if (member.tick !== this.deps.beat.tick) this.meet(member);
    if (this.isAway && this.deps.away !== 'share') return this.deps.away === 'open';
    if (this.admits(member, messages, bytes)) return true;
    if (this.asking !== null || this.isAway) return false;
    const ms = this.deps.clock.now() - this.answeredAt;
    if (ms < FRESH_MS || ms === Infinity) return false;
    const nodes = this.deps.nodes();
    this.messages.extrapolate(ms, nodes);
    this.bytes.extrapolate(ms, nodes);
    return this.admits(member, messages, bytes);
  }

  take(member: Member, messages: number, bytes: number): void {
    this.admitted += 1;
    this.use();
    if (this.isAway && this.deps.away === 'open') return;
    this.messages.take(messages);
    this.bytes.take(bytes);
    member.pay(messages, bytes, this.messages.fair, this.bytes.fair);
    if (this.mayAsk && (this.messages.isLow || this.bytes.isLow)) this.askSoon();
  }

  /** Notes what could not pass. Returns when it may, in milliseconds. */
  refuse(member: Member, messages: number, bytes: number): number {
    this.refused += 1;
    this.use();
    this.messages.refused(messages);
    this.bytes.refused(bytes);
    const waitMs = this.isAway && this.deps.away === 'closed' ? CLOSED_RETRY_MS : this.waitMs(member, messages, bytes);
    this.scarceUntil = this.deps.clock.now() + hint(waitMs) + GRACE_MS;
    if (this.mayAsk) this.askSoon();
    return waitMs;
  }

  /** Asks the store for so much now, if it was not asked just before. */
  async refresh(messages: number, bytes: number): Promise<void> {
    this.use();
    this.messages.refused(messages);
    this.bytes.refused(bytes);
    if (this.mayAsk) void this.ask();
    if (!this.isAway) await this.asking;
  }

  /** Returns false when there is nothing to be done until the scope is used again. */
  tick(now: number): boolean {
    this.roll();
    const elapsed = Math.max(now - this.tickedAt, 0);
    this.tickedAt = now;
    // Not for as long as a clock has gone back.
    this.scarceUntil = Math.min(this.scarceUntil, now + LONGEST_SCARCE_MS);
    if (this.asking !== null && now - this.askedAt > SILENT_MS) this.goAway(now);
    if (this.isAway && this.deps.away === 'share') this.accrue(elapsed);
    const since = Math.abs(now - this.askedAt);
    this.mayAsk = this.asking === null && since >= (this.isAway ? AWAY_SPACING_MS : SPACING_MS);
    if (!this.mayAsk) return true;
    const idle = this.isIdle(now);
    if (this.isDue(now, idle)) void this.ask();
    else if (idle) this.isAwake = false;
    return this.isAwake;
  }

  /** Gives everything back, for good. */
  async stop(): Promise<void> {
    await this.asking;
    this.scarceUntil = 0;
    this.usedTick = -Infinity;
    this.unanswered = null;
    this.mayAsk = false;
    if (!this.messages.isSettled || !this.bytes.isSettled) await this.ask();
    this.mayAsk = false;
  }

  /** Nobody would miss it: the bucket is full again, as one that is not known. */
  isForgettable(now: number): boolean {
    if (this.isAwake || this.asking !== null) return false;
    return now - this.answeredAt > Math.max(this.messages.recoveryMs, this.bytes.recoveryMs, 0);
  }

  private admits(member: Member, messages: number, bytes: number): boolean {
    return this.messages.admits(messages, member.messages > 0) && this.bytes.admits(bytes, member.bytes > 0);
  }

  /** The first message of a peer in this tick. */
  private meet(member: Member): void {
    member.earn(this.deps.beat.tick, this.messages.fair, this.bytes.fair);
    if (member.period === this.period) return;
    member.period = this.period;
    this.activeNow += 1;
  }

  private use(): void {
    this.usedTick = this.deps.beat.tick;
    if (this.isAwake) return;
    this.isAwake = true;
    this.tickedAt = this.deps.beat.now;
    this.deps.wake(this);
  }

  private get active(): number {
    return Math.max(this.activeBefore, this.activeNow, 1);
  }

  private roll(): void {
    const period = Math.floor(this.deps.beat.tick / IDLE_TICKS);
    if (period !== this.period) {
      this.activeBefore = period === this.period + 1 ? this.activeNow : 0;
      this.activeNow = 0;
      this.period = period;
    }
    this.messages.roll(this.active);
    this.bytes.roll(this.active);
  }

  private isIdle(now: number): boolean {
    return this.deps.beat.tick - this.usedTick > IDLE_TICKS && now > this.scarceUntil;
  }

  private isDue(now: number, idle: boolean): boolean {
    if (this.isAway || this.unanswered !== null || now <= this.scarceUntil) return true;
    const { messages, bytes } = this;
    if (idle) return !messages.isSettled || !bytes.isSettled;
    const excess = messages.hasExcess(messages.room(false, false, 1)) || bytes.hasExcess(bytes.room(false, false, 1));
    return excess || messages.isLow || bytes.isLow;
  }

  private waitMs(member: Member, messages: number, bytes: number): number {
    const share = this.isAway ? 1 / this.deps.nodes() : this.share;
    return Math.max(
      this.messages.waitMs(messages, member.messages > 0, share),
      this.bytes.waitMs(bytes, member.bytes > 0, share),
    );
  }

  /** When all that has come in was looked at: then it is known how much is needed. */
  private askSoon(): void {
    this.mayAsk = false;
    this.deps.timers.soon(() => {
      if (this.asking === null) void this.ask();
    });
  }

  private ask(): Promise<void> {
    this.mayAsk = false;
    this.askedAt = this.deps.clock.now();
    this.unanswered ??= this.compose(this.askedAt);
    this.asking = this.lease(this.unanswered).finally(() => {
      this.asking = null;
    });
    return this.asking;
  }

  private compose(now: number): LeaseRequest {
    const idle = this.isIdle(now);
    const scarce = now <= this.scarceUntil;
    const messages = this.messages.exchange(this.messages.room(scarce, idle, this.share));
    const bytes = this.bytes.exchange(this.bytes.room(scarce, idle, this.share));
    return {
      scope: this.scope,
      node: this.deps.node,
      sequence: this.deps.nextSequence(),
      version: this.version,
      buckets: this.buckets,
      give: { messages: messages.give, bytes: bytes.give },
      want: { messages: messages.want, bytes: bytes.want },
      weight: this.active,
      keepMs: idle ? 0 : KEEP_MS,
    };
  }

  private async lease(request: LeaseRequest): Promise<void> {
    const reply = await this.deps.store.lease(request);
    const now = this.deps.clock.now();
    this.deps.onReply(reply.kind === 'leased');
    if (reply.kind === 'unavailable') return this.goAway(now);
    this.unanswered = null;
    this.answered(request, reply, now);
  }

  private answered({ weight, version }: LeaseRequest, { granted, level, owed, weights }: Leased, now: number): void {
    const ticks = Math.min(Math.max((now - this.answeredAt) / TICK_MS, 1), IDLE_TICKS);
    const nodes = this.deps.nodes();
    this.isAway = false;
    this.answeredAt = now;
    this.share = weight / Math.max(weights, weight);
    this.messages.leased(granted.messages, level.messages, owed.messages, ticks, nodes);
    this.bytes.leased(granted.bytes, level.bytes, owed.bytes, ticks, nodes);
    if (version === this.version) return;
    this.messages.cut(nodes);
    this.bytes.cut(nodes);
  }

  private goAway(now: number): void {
    if (this.isAway) return;
    this.isAway = true;
    this.tickedAt = now;
    this.messages.forgetCredit();
    this.bytes.forgetCredit();
  }

  private accrue(ms: number): void {
    const nodes = this.deps.nodes();
    this.messages.accrue(ms, nodes);
    this.bytes.accrue(ms, nodes);
  }
}
