import type { RealmName } from '@causeway/protocol';
import type { Clock, Log, Timers } from './clock.ts';
import type { Counters } from './counters.ts';
import { Limiter } from './limiter.ts';
import type { Policy } from './policy.ts';
import type { Store } from './ports.ts';
import { Quotas } from './quotas.ts';
import { Rates } from './rates.ts';
import type { Settings } from './settings.ts';
import { UsageMeter } from './usage.ts';

/** Leases of a node for which the others count what it holds of a realm's caps, without hearing of it again. */
const QUOTA_LEASES = 3;

export interface TenancyDeps {
  readonly settings: Settings;
  readonly store: Store;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly counters: Counters;
  /** The policy in force now. */
  readonly policy: () => Policy;
  /** Living nodes, as last known. */
  readonly nodes: () => number;
}

/** What realms and their peers may use, and what they have used: limits, caps and the meter. */
export class Tenancy {
  readonly limiter: Limiter;
  readonly quotas: Quotas;
  readonly usage: UsageMeter;
  readonly rates: Rates;
  private readonly deps: TenancyDeps;
  private policy: Policy;

  constructor(deps: TenancyDeps) {
    this.deps = deps;
    const { settings, store, clock, timers, log, counters, policy, nodes } = deps;
    const { node } = settings;
    this.policy = policy();
    const common = { node, clock, timers, log, counters };
    this.limiter = new Limiter({
      ...common,
      store: store.buckets,
      away: settings.limitsAway,
      policy: this.policy,
      nodes,
    });
    this.quotas = new Quotas({
      ...common,
      tallies: store.tallies,
      policy,
      leaseMs: QUOTA_LEASES * settings.nodeLeaseMs,
    });
    this.usage = new UsageMeter({
      ...common,
      books: store.usage,
      perPeer: settings.usagePerPeer,
      flushMs: settings.usageFlushMs,
      keepMs: settings.usageKeepMs,
    });
    this.rates = new Rates({ ...common, usage: this.usage, snapshots: store.snapshots });
  }

  start(): void {
    this.limiter.start();
    this.quotas.start();
    this.usage.start();
    this.rates.start();
  }

  /** Gives back what was leased, and writes down what is not yet. */
  async stop(): Promise<void> {
    this.rates.stop();
    await Promise.all([this.limiter.stop(), this.quotas.stop(), this.usage.stop()]);
  }

  /** True: a realm with peers here has a cap on reservations that it did not have before. */
  applyPolicy(): boolean {
    const before = this.policy;
    const policy = this.deps.policy();
    this.policy = policy;
    this.limiter.applyPolicy(policy);
    for (const [realm] of this.usage.accounts()) {
      if (policy.cap(realm, 'reservations') !== null && before.cap(realm, 'reservations') === null) return true;
    }
    return false;
  }

  /** Bytes that all mailboxes of the realm may hold. */
  mailboxBytes(realm: RealmName): number {
    return this.deps.policy().cap(realm, 'mailboxBytes') ?? this.deps.settings.realmMailboxBytes;
  }
}
