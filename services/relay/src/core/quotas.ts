import type { NodeId, RealmName } from '@causeway/protocol';
import type { PeerKey } from './address.ts';
import type { Clock, Timers } from './clock.ts';
import type { Counters } from './counters.ts';
import type { Policy } from './policy.ts';
import type { Unavailable } from './ports.ts';
import type { Tallies, Tally } from './shared-ports.ts';

/** Changes are told within this time: so late room that one node has left is seen by the others. */
const TELL_MS = 100;
/** A report is repeated so many times in its life, so that two may fail. */
const REPEATS = 3;
const TALLIES: readonly Tally[] = ['connections', 'watched'];

export interface QuotasDeps {
  readonly node: NodeId;
  readonly tallies: Tallies;
  /** The policy in force now. */
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly counters: Counters;
  /** For how long the others count what this node holds when they do not hear of it again, in milliseconds. */
  readonly leaseMs: number;
}

export type Admission =
  | { readonly kind: 'admitted' }
  | { readonly kind: 'full'; readonly cap: 'connections' | 'reservations' }
  | Unavailable;

/** What this node holds of one tally of a realm, and what it knows of the others. */
interface Share {
  held: number;
  /** Claims that have no answer. */
  claiming: number;
  /** What the other nodes held when the store last told. */
  others: number;
  /** The store may have another number for this node than `held`. */
  untold: boolean;
  /** Until when the store counts what it was told; 0: it was told nothing. */
  toldUntil: number;
  /** Reports so far. */
  reports: number;
  /** Reports that have no answer. */
  reporting: number;
}

type Holdings = Record<Tally, Share>;

const ADMITTED: Admission = { kind: 'admitted' };

/**
 * Caps of realms, exact over all nodes: each place is claimed. Without the store the last known totals decide. What
 * each realm holds here is counted also while it has no cap, since one may come at any time.
 */
export class Quotas {
  private readonly deps: QuotasDeps;
  private readonly realms = new Map<RealmName, Holdings>();
  /** Realms with something to tell soon. */
  private readonly changed = new Set<RealmName>();
  private version = 0;
  private cancels: Partial<Record<'tell' | 'repeat', () => void>> = {};

  constructor(deps: QuotasDeps) {
    this.deps = deps;
  }

  start(): void {
    const { leaseMs } = this.deps;
    this.every('tell', TELL_MS, () => this.tellChanges());
    this.every('repeat', leaseMs / REPEATS / 2, () => this.repeat(leaseMs - leaseMs / REPEATS));
  }

  /** Ends the reports, and takes back what they said. */
  async stop(): Promise<void> {
    this.cancels.tell?.();
    this.cancels.repeat?.();
    this.cancels = {};
    const { tallies, node, leaseMs } = this.deps;
    const told = [...this.realms].flatMap(([realm, holdings]) =>
      TALLIES.filter((tally) => holdings[tally].toldUntil > 0).map((tally) => [realm, tally] as const),
    );
    await Promise.all(told.map(([realm, tally]) => tallies.report(realm, tally, node, 0, leaseMs)));
  }

  /** Takes a place for a connection, which `left` gives back, and books the peer's reservation. */
  async admit(realm: RealmName, key: PeerKey, reservationTtlMs: number): Promise<Admission> {
    const policy = this.deps.policy();
    const share = this.holdings(realm).connections;
    const connections = policy.cap(realm, 'connections');
    if (connections === null) this.grow(realm, share, 1);
    else if (!(await this.claim(realm, 'connections', share, 1, connections))) return this.full('connections');
    const reservations = policy.cap(realm, 'reservations');
    if (reservations === null) return ADMITTED;
    const reply = await this.deps.tallies.reserve(realm, key, reservationTtlMs, reservations);
    if (reply.kind === 'reserved') return ADMITTED;
    this.left(realm);
    return reply.kind === 'full' ? this.full('reservations') : reply;
  }

  /** A connection that was admitted has ended. */
  left(realm: RealmName): void {
    this.grow(realm, this.holdings(realm).connections, -1);
  }

  /** A connected peer's reservation was extended: it stays booked, or is now, where the cap came later than the peer. */
  reservationRefreshed(realm: RealmName, key: PeerKey, ttlMs: number): void {
    if (this.deps.policy().cap(realm, 'reservations') === null) return;
    void this.deps.tallies.reserve(realm, key, ttlMs, Number.MAX_SAFE_INTEGER);
  }

  /** Takes places for peers that begin to be watched, for all or none; without a cap at once. */
  watch(realm: RealmName, amount: number): true | Promise<boolean> {
    const cap = this.deps.policy().cap(realm, 'watched');
    const share = this.holdings(realm).watched;
    if (cap !== null && amount > 0) return this.claimWatched(realm, share, amount, cap);
    this.grow(realm, share, amount);
    return true;
  }

  unwatch(realm: RealmName, amount: number): void {
    this.grow(realm, this.holdings(realm).watched, -amount);
  }

  /** The store may have lost what it was told: all of it is told again. */
  hurry(): void {
    for (const [realm, holdings] of this.realms) for (const tally of TALLIES) this.mark(realm, holdings[tally]);
  }

  private async claimWatched(realm: RealmName, share: Share, amount: number, cap: number): Promise<boolean> {
    const granted = await this.claim(realm, 'watched', share, amount, cap);
    if (!granted) this.deps.counters.drop('realm_watched', amount);
    return granted;
  }

  private async claim(realm: RealmName, tally: Tally, share: Share, amount: number, cap: number): Promise<boolean> {
    const { tallies, node, leaseMs, clock } = this.deps;
    const isTold = !share.untold && (share.held === 0 || !this.isStale(share, 0));
    if (!isTold && !(await this.report(realm, tally, share))) return this.guess(share, amount, cap);
    const { reports } = share;
    const toldUntil = clock.now() + leaseMs;
    share.claiming += amount;
    const reply = await tallies.claim(realm, tally, node, amount, cap, leaseMs);
    share.claiming -= amount;
    if (reply.kind === 'unavailable') {
      // It may hold or not.
      this.mark(realm, share);
      return this.guess(share, amount, cap);
    }
    if (reply.kind === 'claimed') {
      share.held += amount;
      share.toldUntil = Math.max(share.toldUntil, toldUntil);
      return true;
    }
    // A report that went out meanwhile has counted the claim.
    if (share.reports !== reports) this.mark(realm, share);
    share.others = Math.max(0, reply.held - share.held - share.claiming);
    return false;
  }

  /** Whether there is room, by the last known total; takes it. */
  private guess(share: Share, amount: number, cap: number): boolean {
    if (share.others + share.held + share.claiming + amount > cap) return false;
    share.held += amount;
    return true;
  }

  /**
   * What the store holds for this node ends within so many milliseconds, or there is nothing. By a clock that went back
   * nothing is known of it.
   */
  private isStale({ toldUntil }: Share, withinMs: number): boolean {
    const left = toldUntil - this.deps.clock.now();
    return left <= withinMs || left > this.deps.leaseMs;
  }

  private full(cap: 'connections' | 'reservations'): Admission {
    this.deps.counters.drop(`realm_${cap}`);
    return { kind: 'full', cap };
  }

  private grow(realm: RealmName, share: Share, by: number): void {
    share.held += by;
    this.mark(realm, share);
  }

  private mark(realm: RealmName, share: Share): void {
    share.untold = true;
    this.changed.add(realm);
  }

  private tellChanges(): void {
    const { version } = this.deps.policy();
    // Nobody knows yet what this node holds where a cap is new.
    if (version !== this.version) this.repeat(0);
    this.version = version;
    const realms = [...this.changed];
    this.changed.clear();
    for (const realm of realms) this.tell(realm, ({ untold }) => untold);
  }

  /** Tells again what the store counts for `leastMs` more at most, and what has changed. */
  private repeat(leastMs: number): void {
    for (const realm of this.realms.keys())
      this.tell(realm, (share) => share.untold || (share.held > 0 && this.isStale(share, leastMs)));
  }

  private tell(realm: RealmName, isDue: (share: Share) => boolean): void {
    const holdings = this.holdings(realm);
    const policy = this.deps.policy();
    for (const tally of TALLIES) {
      const share = holdings[tally];
      if (policy.cap(realm, tally) === null) continue;
      if (share.reporting > 0) this.changed.add(realm);
      else if (isDue(share)) void this.report(realm, tally, share);
    }
    if (TALLIES.every((tally) => isIdle(holdings[tally], policy.cap(realm, tally)))) this.realms.delete(realm);
  }

  /** Commands reach the store in the order of their sending: claims under way are behind it, or counted in it. */
  private async report(realm: RealmName, tally: Tally, share: Share): Promise<boolean> {
    const { tallies, node, leaseMs, clock } = this.deps;
    const amount = share.held + share.claiming;
    const toldUntil = clock.now() + leaseMs;
    share.untold = false;
    share.toldUntil = toldUntil;
    share.reports += 1;
    share.reporting += 1;
    const reply = await tallies.report(realm, tally, node, amount, leaseMs);
    share.reporting -= 1;
    if (reply.kind === 'reported') share.others = reply.held - amount;
    else this.mark(realm, share);
    return reply.kind === 'reported';
  }

  private holdings(realm: RealmName): Holdings {
    const known = this.realms.get(realm);
    if (known !== undefined) return known;
    const fresh = { connections: newShare(), watched: newShare() };
    this.realms.set(realm, fresh);
    return fresh;
  }

  private every(name: 'tell' | 'repeat', ms: number, call: () => void): void {
    this.cancels[name] = this.deps.timers.after(ms, () => {
      this.every(name, ms, call);
      call();
    });
  }
}

function newShare(): Share {
  return { held: 0, claiming: 0, others: 0, untold: false, toldUntil: 0, reports: 0, reporting: 0 };
}

/** The store needs to hear nothing of it. */
function isIdle({ held, claiming, untold, reporting }: Share, cap: number | null): boolean {
  return held === 0 && claiming === 0 && reporting === 0 && (!untold || cap === null);
}
