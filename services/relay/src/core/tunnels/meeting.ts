import type { RealmName } from '@causeway/protocol';
import { type PeerKey, realmOf } from '../address.ts';
import type { Clock, Timers } from '../clock.ts';
import type { Counters } from '../counters.ts';
import type { Unavailable } from '../ports.ts';
import { Retry } from '../retry.ts';
import type { Attempt, Attempts } from '../shared-ports.ts';
import type { Room, Rooms } from '../tunnel-ports.ts';

/** The store is asked for so long. */
const ASK_FOR_MS = 2000;
/** A join that fails is answered no sooner, whatever it met: the time must not tell which locators are in use. */
const FAILED_JOIN_MS = 500;
const CANDIDATES = 8;
const CANDIDATE_BYTES = 6;
const LOCATOR = /^\d{4,12}$/;
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

export type OpenRoomReply = { readonly kind: 'opened'; readonly room: Room } | { readonly kind: 'full' } | Unavailable;

export type TakeRoomReply =
  | { readonly kind: 'taken'; readonly room: Room }
  | { readonly kind: 'no_room' }
  | { readonly kind: 'blocked'; readonly forMs: number }
  | Unavailable;

/** Rooms: where two peers meet that know a locator and nothing of each other. */
export class Meeting {
  private readonly deps: MeetingDeps;

  constructor(deps: MeetingDeps) {
    this.deps = deps;
  }

  /** @param ttlMs as the client wishes; the longest there is where that is shorter */
  async open(owner: PeerKey, ref: number, ttlMs: number | undefined): Promise<OpenRoomReply> {
    const { rooms, counters, randomHex, cap } = this.deps;
    const realm = realmOf(owner);
    const ttl = Math.min(ttlMs ?? this.deps.ttlMs, this.deps.maxTtlMs);
    const candidates = Array.from({ length: CANDIDATES }, () => Number.parseInt(randomHex(CANDIDATE_BYTES), 16));
    const reply = await this.ask(() => rooms.open(realm, { owner, ref }, candidates, ttl, cap(realm)));
    if (reply.kind === 'taken') return { kind: 'unavailable', reason: 'no free locator was found' };
    if (reply.kind === 'opened') counters.roomsOpened += 1;
    return reply;
  }

  /** Takes a room for a join, if its locator is right and not too many others were wrong. */
  async take(realm: RealmName, code: string, address: string): Promise<TakeRoomReply> {
    const forMs = await this.blockedFor(realm, code, address);
    if (forMs > 0) return { kind: 'blocked', forMs };
    if (!LOCATOR.test(code)) return { kind: 'no_room' };
    const reply = await this.ask(() => this.deps.rooms.take(realm, code));
    return reply.kind === 'none' ? { kind: 'no_room' } : reply;
  }

  /** The room's owner could not be reached: others may try again. */
  putBack(realm: RealmName, room: Room): void {
    void this.ask(() => this.deps.rooms.putBack(realm, room));
  }

  /** Counts a join that failed, and resolves when it may be answered: for how long others are not even tried, in ms. */
  async failed(realm: RealmName, code: string, address: string, since: number): Promise<number> {
    const { attempts, clock, timers, counters } = this.deps;
    counters.joinsFailed += 1;
    const taken = subjects(realm, code, address).map(([attempt, subject]) => attempts.take(attempt, subject));
    const forMs = Math.max(...(await Promise.all(taken)));
    const wait = since + FAILED_JOIN_MS - clock.now();
    if (wait > 0) await new Promise<void>((resume) => timers.after(wait, resume));
    return forMs;
  }

  private async blockedFor(realm: RealmName, code: string, address: string): Promise<number> {
    const asked = subjects(realm, code, address).map(([attempt, subject]) =>
      this.deps.attempts.blockedFor(attempt, subject),
    );
    return Math.max(...(await Promise.all(asked)));
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
