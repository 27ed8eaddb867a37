import type { RealmName } from '@causeway/protocol';
import type { Clock } from './clock.ts';
import type { Counters } from './counters.ts';
import { storedAt } from './mailbox-id.ts';
import type { Ledger, LedgerDelta, MailboxId, Removed } from './ports.ts';

/** Time slices in one time to live: expiry is accounted to within one of them. */
const SLICES = 32;
const MIN_SLICE_MS = 50;

interface Change {
  messages: number;
  bytes: number;
}

interface Account {
  /** Bytes in the whole realm, as the ledger said last. */
  total: number;
  /** Bytes that the ledger has not been told. */
  untold: number;
  changes: Map<number, Change>;
  updating: boolean;
  nextUpdate: number;
}

export interface RealmAccountsDeps {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly ttlMs: number;
  /** What all mailboxes of a realm may hold, at this moment. */
  readonly maxBytes: (realm: RealmName) => number;
  /** Messages have left a mailbox; the bytes of each times the milliseconds for which it was there. */
  readonly onStoredEnded: (realm: RealmName, byteMs: number) => void;
}

/**
 * What all mailboxes of a realm hold, together with the other nodes: each adds up what it stored and removed and tells
 * the ledger now and then, so the cap is kept to within what the nodes store between two updates.
 */
export class RealmAccounts {
  private readonly deps: RealmAccountsDeps;
  private readonly sliceMs: number;
  private readonly accounts = new Map<RealmName, Account>();

  constructor(deps: RealmAccountsDeps) {
    this.deps = deps;
    this.sliceMs = Math.max(MIN_SLICE_MS, Math.floor(deps.ttlMs / SLICES));
  }

  hasRoom(realm: RealmName, bytes: number): boolean {
    const account = this.accounts.get(realm);
    return account === undefined || account.total + account.untold + bytes <= this.deps.maxBytes(realm);
  }

  stored(realm: RealmName, entry: MailboxId, bytes: number): void {
    this.change(realm, entry, 1, bytes);
  }

  removed(realm: RealmName, removed: readonly Removed[]): void {
    if (removed.length === 0) return;
    const { clock, ttlMs, onStoredEnded } = this.deps;
    const now = clock.now();
    let byteMs = 0;
    for (const { entry, bytes } of removed) {
      this.change(realm, entry, -1, -bytes);
      // By two clocks: no message was there for less than no time, or for longer than it may be.
      byteMs += bytes * Math.min(Math.max(now - storedAt(entry), 0), ttlMs);
    }
    onStoredEnded(realm, byteMs);
  }

  evicted(realm: RealmName, removed: readonly Removed[]): void {
    this.deps.counters.drop('evicted', removed.length);
    this.removed(realm, removed);
  }

  /** To be called several times a second: tells the ledger what changed, and asks it what has expired. */
  async update(): Promise<void> {
    const now = this.deps.clock.now();
    const due = [...this.accounts].filter(
      ([, account]) => !account.updating && (account.changes.size > 0 || account.nextUpdate <= now),
    );
    await Promise.all(due.map(([realm, account]) => this.updateOne(realm, account, now)));
  }

  private async updateOne(realm: RealmName, account: Account, now: number): Promise<void> {
    const told = account.changes;
    account.changes = new Map();
    account.updating = true;
    const deltas: LedgerDelta[] = [...told].map(([slice, change]) => ({ slice, ...change }));
    const oldestSlice = Math.floor((now - this.deps.ttlMs) / this.sliceMs);
    const reply = await this.deps.ledger.update(realm, deltas, oldestSlice, this.deps.ttlMs + 2 * this.sliceMs);
    account.updating = false;
    if (reply.kind === 'unavailable') return this.putBack(account, told);
    for (const { bytes } of deltas) account.untold -= bytes;
    account.total = reply.bytes;
    account.nextUpdate = now + this.sliceMs;
    this.deps.counters.drop('expired', reply.expiredMessages);
    if (reply.expiredBytes > 0) this.deps.onStoredEnded(realm, reply.expiredBytes * this.deps.ttlMs);
    if (account.total <= 0 && account.changes.size === 0) this.accounts.delete(realm);
  }

  private putBack(account: Account, told: Map<number, Change>): void {
    for (const [slice, change] of told) add(account.changes, slice, change.messages, change.bytes);
  }

  private change(realm: RealmName, entry: MailboxId, messages: number, bytes: number): void {
    let account = this.accounts.get(realm);
    if (account === undefined) {
      account = { total: 0, untold: 0, changes: new Map(), updating: false, nextUpdate: 0 };
      this.accounts.set(realm, account);
    }
    account.untold += bytes;
    add(account.changes, Math.floor(storedAt(entry) / this.sliceMs), messages, bytes);
  }
}

function add(changes: Map<number, Change>, slice: number, messages: number, bytes: number): void {
  const change = changes.get(slice);
  if (change === undefined) {
    changes.set(slice, { messages, bytes });
    return;
  }
  change.messages += messages;
  change.bytes += bytes;
}
