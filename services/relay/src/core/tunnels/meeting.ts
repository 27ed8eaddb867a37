import type { RealmName } from '@causeway/protocol';
import { type PeerKey, realmOf } from '../address.ts';
import { networkOf } from '../attempts.ts';
import type { Clock, Timers } from '../clock.ts';
import type { Counters } from '../counters.ts';
import type { Unavailable } from '../ports.ts';
import { Retry } from '../retry.ts';
import type { Attempt, Attempts } from '../shared-ports.ts';
import type { Room, Rooms } from '../tunnel-ports.ts';
import { Turnstile } from '../turnstile.ts';

/** The store is asked for so long. */
const ASK_FOR_MS = 2000;
/** A join that fails is answered no sooner, whatever it met: the time must not tell which locators are in use. */
const FAILED_JOIN_MS = 500;
const LEAST_TTL_MS = 1;
const CANDIDATES = 8;
const CANDIDATE_BYTES = 6;
const LOCATOR = /^\d{4,14}$/;
const NONE = { kind: 'none' } as const;
/** Of one address, on one node. */
const JOINS_AT_ONCE = 4;
/** The subject of an attempt that counts for all addresses and rooms. */
const ALL = 'all';

export interface MeetingDeps {
  readonly rooms: Rooms;
  readonly attempts: Attempts;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly counters: Counters;
  readonly randomHex: (bytes: number) => string;
  readonly ttlMs: number;
  readonly maxTtlMs: number;
  /** Open rooms that the realm may have. */
  readonly cap: (realm: RealmName) => number;
}

type Blocked = { readonly kind: 'blocked'; readonly forMs: number };

export type OpenRoomReply =
  | { readonly kind: 'opened'; readonly room: Room; readonly ttlMs: number }
  | { readonly kind: 'full' }
  | Blocked
  | Unavailable;

export interface Taken {
  readonly kind: 'taken';
  readonly room: Room;
  /** The room's owner could not be reached: others may try again. */
  readonly putBack: () => void;
  /** Counts the join as one that failed: for how long others are not even tried, in ms. */
  readonly count: () => Promise<number>;
}

/** `forMs` of `no_room`: for how long others are not even tried. */
export type TakeRoomReply = Taken | { readonly kind: 'no_room'; readonly forMs: number } | Blocked | Unavailable;

/** Rooms: where two peers meet that know a locator and nothing of each other. */
export class Meeting {
  private readonly deps: MeetingDeps;
  /** Joins by address that wait for their turn, or have it. */
  private readonly queues = new Map<string, { readonly turnstile: Turnstile; joins: number }>();

  constructor(deps: MeetingDeps) {
    this.deps = deps;
  }

  /** @param ttlMs as the client wishes; the longest there is where that is shorter */
  async open(owner: PeerKey, ref: number, ttlMs: number | undefined, address: string): Promise<OpenRoomReply> {
    const { rooms, attempts, counters, randomHex, cap } = this.deps;
    const forMs = await attempts.take('room', address);
    if (forMs > 0) return { kind: 'blocked', forMs };
    const realm = realmOf(owner);
    const ttl = Math.max(LEAST_TTL_MS, Math.min(ttlMs ?? this.deps.ttlMs, this.deps.maxTtlMs));
    const candidates = Array.from({ length: CANDIDATES }, () => Number.parseInt(randomHex(CANDIDATE_BYTES), 16));
    const reply = await this.ask(() => rooms.open(realm, { owner, ref }, candidates, ttl, cap(realm)));
    if (reply.kind === 'taken') return { kind: 'unavailable', reason: 'no free locator was found' };
    if (reply.kind !== 'opened') return reply;
    counters.roomsOpened += 1;
    return { ...reply, ttlMs: ttl };
  }

  /**
   * Takes a room for a join, if its locator is right and not too many others were wrong. Of one address few joins are under
   * way at a time: all those at once must not be through before the first one counts as failed.
   */
  async take(realm: RealmName, code: string, address: string): Promise<TakeRoomReply> {
    const leave = await this.enter(networkOf(address));
    try {
      const forMs = await this.blockedFor(realm, code, address);
      if (forMs > 0) return { kind: 'blocked', forMs };
      const reply = LOCATOR.test(code) ? await this.ask(() => this.deps.rooms.take(realm, code)) : NONE;
      const count = (): Promise<number> => this.count(realm, code, address);
      if (reply.kind === 'none') return { kind: 'no_room', forMs: await count() };
      if (reply.kind === 'taken') return { ...reply, count, putBack: () => this.putBack(realm, reply.room) };
      return reply;
    } finally {
      leave();
    }
  }

  /** Resolves when a join that failed may be answered. */
  async answerLater(since: number): Promise<void> {
    const { clock, timers } = this.deps;
    const wait = Math.min(FAILED_JOIN_MS, since + FAILED_JOIN_MS - clock.now());
    if (wait > 0) await new Promise<void>((resume) => timers.after(wait, resume));
  }

  /** Resolves when it is the turn of a join, to the end of the turn. */
  private enter(network: string): Promise<() => void> {
    const queue = this.queues.get(network) ?? { turnstile: new Turnstile(JOINS_AT_ONCE), joins: 0 };
    this.queues.set(network, queue);
    queue.joins += 1;
    const leave = (): void => {
      queue.turnstile.leave();
      queue.joins -= 1;
      if (queue.joins === 0) this.queues.delete(network);
    };
    return new Promise((resolve) => queue.turnstile.enter(() => resolve(leave)));
  }

  private async count(realm: RealmName, code: string, address: string): Promise<number> {
    const { attempts, counters } = this.deps;
    counters.joinsFailed += 1;
    const taken = subjects(realm, code, address).map(([attempt, subject]) => attempts.take(attempt, subject));
    return Math.max(...(await Promise.all(taken)));
  }

  private async blockedFor(realm: RealmName, code: string, address: string): Promise<number> {
    const asked = subjects(realm, code, address).map(([attempt, subject]) =>
      this.deps.attempts.blockedFor(attempt, subject),
    );
    return Math.max(...(await Promise.all(asked)));
  }

  private putBack(realm: RealmName, room: Room): void {
    void this.ask(() => this.deps.rooms.putBack(realm, room));
  }

  /** Repeats what has no answer. */
  private async ask<T extends { readonly kind: string }>(
    call: () => Promise<T | Unavailable>,
  ): Promise<T | Unavailable> {
    const { clock, timers } = this.deps;
    const retry = new Retry();
    for (;;) {
      const reply = await call();
      if (reply.kind !== 'unavailable') return reply;
      const now = clock.now();
      const wait = retry.failed(now);
      if (retry.failedFor(now) >= ASK_FOR_MS) return reply;
      await new Promise<void>((resume) => timers.after(wait, resume));
    }
  }
}

/** Whose failed joins are counted together (PROTOCOL section 7). */
function subjects(realm: RealmName, code: string, address: string): readonly (readonly [Attempt, string])[] {
  return [
    ['join', address],
    ['join_room', `${realm}/${LOCATOR.test(code) ? code : ''}`],
    ['join_all', ALL],
  ];
}
