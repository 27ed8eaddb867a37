import type { NodeId, PeerId, RealmName } from '@causeway/protocol';
import type { Clock, Log, Timers } from './clock.ts';
import type { Counters } from './counters.ts';
import { Retry } from './retry.ts';
import type { UsageBooks } from './shared-ports.ts';
import { type Amounts, addUsage, isNothing, noUsage, UsageAccount } from './usage-account.ts';
import { type Page, Pages } from './usage-pages.ts';
import { RealmSeries } from './usage-series.ts';

export { UsageAccount } from './usage-account.ts';

export const HOUR_MS = 3_600_000;
const SECOND_MS = 1000;
/** Calls to the books that are under way at once. */
const CALLS_AT_ONCE = 32;
/** How long a node that stops tries to write down what is not written yet. */
const STOP_FOR_MS = 1000;
/** What is given up is logged so often at most. */
const WARN_EVERY_MS = 10_000;

export interface UsageMeterDeps {
  readonly node: NodeId;
  readonly books: UsageBooks;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly counters: Counters;
  readonly log: Log;
  /** Whether each peer's usage is written, too, and not only its realm's. */
  readonly perPeer: boolean;
  readonly flushMs: number;
  readonly keepMs: number;
}

interface Realm {
  readonly accounts: Map<PeerId, UsageAccount>;
  /** Of messages that are stored no longer: bytes times the milliseconds for which they were. */
  storedByteMs: number;
}

/**
 * What realms use on this node. Whoever serves a peer adds to its account; every `flushMs`, at each full hour and at the
 * stop the accounts are read and what is new is written to the books under a sequence that grows. A call without an
 * answer is repeated as it was, and newer amounts wait behind it: nothing is counted twice, and a node that dies takes
 * at most what came since its last flush with it.
 */
export class UsageMeter {
  private readonly deps: UsageMeterDeps;
  private readonly realms = new Map<RealmName, Realm>();
  private readonly pages: Pages;
  private readonly series: RealmSeries;
  private readonly retry = new Retry();
  private lastSequence = 0;
  /** Since 1970, by this node's clock: what is read from the accounts goes here. Never goes back. */
  private hour: number;
  private cancelTick = (): void => undefined;
  private flushing: Promise<void> | null = null;
  /** Milliseconds since 1970 after which a stopping node gives up; null while it goes on. */
  private deadline: number | null = null;
  private warnAt = 0;

  constructor(deps: UsageMeterDeps) {
    this.deps = deps;
    const now = deps.clock.now();
    this.hour = Math.floor(now / HOUR_MS);
    this.series = new RealmSeries(deps.counters, now);
    this.pages = new Pages((page) => this.givenUp(page));
  }

  /** The peer's account. Whoever keeps it calls `open` or `hold` before anything else happens. */
  account(realm: RealmName, peer: PeerId): UsageAccount {
    const { accounts } = this.realm(realm);
    let account = accounts.get(peer);
    if (account === undefined) {
      account = new UsageAccount(peer, this.deps.clock);
      accounts.set(peer, account);
    }
    return account;
  }

  /** Messages have left a mailbox. @param byteMs the bytes of each times the milliseconds for which it was stored */
  stored(realm: RealmName, byteMs: number): void {
    this.realm(realm).storedByteMs += byteMs;
  }

  /** All accounts there are now, by realm. */
  *accounts(): Generator<readonly [RealmName, ReadonlyMap<PeerId, UsageAccount>]> {
    for (const [realm, { accounts }] of this.realms) yield [realm, accounts];
  }

  start(): void {
    this.tickLater();
  }

  /** Writes down everything; gives up after a second. */
  async stop(): Promise<void> {
    this.cancelTick();
    this.deadline = this.deps.clock.now() + STOP_FOR_MS;
    this.collect();
    await this.flushing;
    await this.flush();
    for (const page of this.pages.unsettled) this.givenUp(page);
  }

  private realm(name: RealmName): Realm {
    let realm = this.realms.get(name);
    if (realm === undefined) {
      realm = { accounts: new Map(), storedByteMs: 0 };
      this.realms.set(name, realm);
    }
    return realm;
  }

  private tickLater(): void {
    const { clock, timers, flushMs } = this.deps;
    const untilHour = (this.hour + 1) * HOUR_MS - clock.now();
    this.cancelTick = timers.after(Math.max(0, Math.min(flushMs, untilHour)), () => {
      this.collect();
      void this.flush();
      this.tickLater();
    });
  }

  /** Reads the accounts into the page of the hour, up to its end; what is idle is forgotten. */
  private collect(): void {
    const now = this.deps.clock.now();
    const to = Math.min(now, (this.hour + 1) * HOUR_MS);
    const traffic = new Map<RealmName, Amounts>();
    for (const [name, realm] of this.realms) {
      const usage = this.collectRealm(name, realm, to);
      if (!isNothing(usage)) traffic.set(name, usage);
      if (realm.accounts.size === 0 && realm.storedByteMs === 0) this.realms.delete(name);
    }
    this.series.add(traffic, now);
    this.hour = Math.max(this.hour, Math.floor(now / HOUR_MS));
    this.pages.giveUpBefore(Math.floor((now - this.deps.keepMs) / HOUR_MS));
  }

  private collectRealm(name: RealmName, realm: Realm, to: number): Amounts {
    const sums = noUsage();
    for (const [peer, account] of realm.accounts) {
      if (this.deps.perPeer) this.collectPeer(name, account, to, sums);
      else account.takeInto(sums, to);
      if (account.isIdle) realm.accounts.delete(peer);
    }
    sums.storedByteSeconds = Math.floor(realm.storedByteMs / SECOND_MS);
    // Without accounts nobody comes back for less than a byte for a second.
    realm.storedByteMs = realm.accounts.size === 0 ? 0 : realm.storedByteMs % SECOND_MS;
    if (!isNothing(sums)) this.pages.of(name, this.hour).add(sums);
    return sums;
  }

  private collectPeer(name: RealmName, account: UsageAccount, to: number, sums: Amounts): void {
    const own = noUsage();
    account.takeInto(own, to);
    if (isNothing(own)) return;
    addUsage(sums, own);
    this.pages.addPeer(this.pages.of(name, this.hour), account.peer, own);
  }

  /** Writes until nothing waits; while the store is away it goes on trying. */
  private flush(): Promise<void> {
    this.flushing ??= this.writeAll().finally(() => {
      this.flushing = null;
    });
    return this.flushing;
  }

  private async writeAll(): Promise<void> {
    const { clock, timers } = this.deps;
    while (!(await this.writeOnce())) {
      if (this.isLate) return;
      const wait = this.retry.failed(clock.now());
      await new Promise<void>((resume) => timers.after(wait, resume));
    }
    this.retry.succeeded();
    this.pages.forgetWritten(this.hour);
  }

  /** False: the store is away, or a part of it; what the others have is written all the same. */
  private async writeOnce(): Promise<boolean> {
    const pages = this.pages.unsettled;
    let isComplete = true;
    for (let from = 0; from < pages.length; from += CALLS_AT_ONCE) {
      if (!isComplete && this.isLate) return false;
      const written = await Promise.all(pages.slice(from, from + CALLS_AT_ONCE).map((page) => this.write(page)));
      if (!written.includes(true)) return false;
      isComplete &&= !written.includes(false);
    }
    return isComplete;
  }

  /** The node stops, and has tried for long enough. */
  private get isLate(): boolean {
    return this.deadline !== null && this.deadline <= this.deps.clock.now();
  }

  private async write(page: Page): Promise<boolean> {
    const { node, books, counters, keepMs } = this.deps;
    while (!page.isSettled) {
      const { sequence, usage, peers } = page.batch(() => this.nextSequence());
      const reply = await books.add(page.realm, page.hour, { node, sequence }, usage, peers, keepMs);
      counters.usageWrites[reply.kind === 'added' ? 'added' : 'unanswered'] += 1;
      if (reply.kind === 'unavailable') return false;
      page.written();
    }
    return true;
  }

  private nextSequence(): number {
    this.lastSequence += 1;
    return this.lastSequence;
  }

  private givenUp({ realm, hour }: Page): void {
    const { counters, clock, log } = this.deps;
    counters.usageWrites.given_up += 1;
    const now = clock.now();
    if (now < this.warnAt) return;
    this.warnAt = now + WARN_EVERY_MS;
    const { given_up } = counters.usageWrites;
    log.warn({ realm, hour, givenUp: given_up }, 'usage that could not be written in time is lost');
  }
}
