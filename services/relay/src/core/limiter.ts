import type { NodeId, RealmName } from '@causeway/protocol';
import { type PeerKey, realmOf } from './address.ts';
import type { Beat } from './bucket-peer.ts';
import type { BucketStore } from './bucket-ports.ts';
import { type AwayPolicy, Scope, type ScopeDeps } from './bucket-scope.ts';
import { TICK_MS } from './bucket-slice.ts';
import type { Clock, Log, Timers } from './clock.ts';
import type { Counters } from './counters.ts';
import { PeerAllowance } from './limiter-allowance.ts';
import { ForeignPeers } from './limiter-foreign.ts';
import { HeldPeers } from './limiter-peers.ts';
import type { AllowQuestion, AllowReply, SendAllowance } from './limits.ts';
import type { Buckets, Policy } from './policy.ts';
import type { ReservationLimits } from './ports.ts';

const SWEEP_TICKS = 20;

export interface LimiterDeps {
  readonly node: NodeId;
  readonly store: BucketStore;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly counters: Counters;
  /** What holds while the store is away. */
  readonly away: AwayPolicy;
  readonly policy: Policy;
  /** Living nodes, as last known. */
  readonly nodes: () => number;
}

/** How a shared bucket fares on this node. */
export interface ScopeReport {
  readonly buckets: Buckets;
  /** Tokens on this node, and what was left in the store when it was asked last. */
  readonly levels: Scope['levels'];
  readonly admitted: number;
  readonly refused: number;
  readonly storeIsAway: boolean;
}

export interface LimiterReport {
  readonly cluster: ScopeReport | null;
  /** Those that were refused most, first. */
  readonly realms: readonly { readonly realm: RealmName; readonly report: ScopeReport }[];
  /** Peers whose buckets are here, and messages that these refused. */
  readonly peers: { readonly held: number; readonly refused: number };
}

/** Token buckets for peers, realms and the whole cluster: what may be sent is decided without leaving the process. */
export class Limiter {
  private readonly deps: LimiterDeps;
  private readonly scopeDeps: ScopeDeps;
  private readonly beat: Beat;
  private readonly peers: HeldPeers;
  private readonly foreign: ForeignPeers;
  private policy: Policy;
  private cluster: Scope | null = null;
  private readonly realms = new Map<RealmName, Scope>();
  private readonly awake = new Set<Scope>();
  private readonly allowances = new Set<PeerAllowance>();
  private cancelTick: (() => void) | null = null;
  private stopped = false;
  private reachable = true;
  private sequence = 0;
  private peersRefused = 0;

  constructor(deps: LimiterDeps) {
    this.deps = deps;
    this.policy = deps.policy;
    this.beat = { tick: 0, now: deps.clock.now() };
    const onReply = (answered: boolean): void => this.answered(answered);
    const nodes = (): number => Math.max(deps.nodes(), 1);
    const { node, store, clock, away } = deps;
    const common = { node, store, clock, away, beat: this.beat, nodes, onReply };
    const wake = (scope: Scope): void => this.wake(scope);
    const nextSequence = (): number => {
      this.sequence += 1;
      return this.sequence;
    };
    this.scopeDeps = { ...common, timers: deps.timers, nextSequence, wake };
    this.peers = new HeldPeers({ ...common, isReachable: () => this.reachable });
    this.foreign = new ForeignPeers({
      scopeDeps: this.scopeDeps,
      policy: () => this.policy,
      held: (key) => this.peers.get(key),
      realm: (realm) => this.realm(realm),
      cluster: () => this.cluster,
    });
    this.cluster = this.clusterScope();
  }

  start(): void {
    this.stopped = false;
    // Only now are the nodes known among which its burst is divided.
    this.cluster = this.clusterScope();
    this.keepTime();
  }

  /** Gives back what is leased. What is asked afterwards is decided by what is left here: nothing. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.cancelTick?.();
    this.cancelTick = null;
    await Promise.all([...[...this.awake].map((scope) => scope.stop()), this.peers.stop()]);
    this.awake.clear();
  }

  /** What a peer that registers here may send. Asks the store only when the peer has a limit of its own. */
  async open(key: PeerKey, own: ReservationLimits): Promise<SendAllowance> {
    const allowance = new PeerAllowance(key, own, {
      changed: (one) => this.point(one, true),
      closed: (one) => this.closed(one),
    });
    const buckets = this.policy.peer(key, own);
    if (isLimited(buckets)) {
      const opening = this.peers.open(key, buckets);
      this.keepTime();
      allowance.peer = await opening;
    }
    this.allowances.add(allowance);
    // The policy may have changed meanwhile.
    this.point(allowance, false);
    return allowance;
  }

  /** The policy in force from now on. What has been used stays used. */
  applyPolicy(policy: Policy): void {
    this.policy = policy;
    this.cluster = this.clusterScope();
    for (const [realm, scope] of this.realms) scope.apply(policy.realm(realm), policy.version);
    this.foreign.applyPolicy();
    for (const allowance of this.allowances) this.point(allowance, false);
  }

  /** Whether a relay that is not ours may carry on what it asks about. At most one round trip, when nothing is leased. */
  async allow(question: AllowQuestion): Promise<AllowReply> {
    this.keepTime();
    return this.foreign.allow(question);
  }

  /** @param realms at most so many */
  report(realms: number): LimiterReport {
    const all = [...this.realms].sort(([, a], [, b]) => b.refused - a.refused || b.admitted - a.admitted);
    return {
      cluster: this.cluster === null ? null : reportOf(this.cluster),
      realms: all.slice(0, realms).map(([realm, scope]) => ({ realm, report: reportOf(scope) })),
      peers: { held: this.peers.size, refused: this.peersRefused },
    };
  }

  private answered(answered: boolean): void {
    const { counters, log } = this.deps;
    counters.leases[answered ? 'answered' : 'failed'] += 1;
    if (answered === this.reachable) return;
    this.reachable = answered;
    if (answered) log.info({}, 'limits are exact again');
    else log.warn({ policy: this.deps.away }, 'the store of the limits is away: its policy holds');
  }

  private clusterScope(): Scope | null {
    const buckets = this.policy.cluster();
    if (this.cluster === null && !isLimited(buckets)) return null;
    const scope = this.cluster ?? new Scope({ kind: 'cluster' }, this.scopeDeps);
    scope.apply(buckets, this.policy.version);
    return isLimited(buckets) ? scope : null;
  }

  /** Null: the realm has no limit. */
  private realm(realm: RealmName): Scope | null {
    const known = this.realms.get(realm);
    if (known !== undefined) return isLimited(known.buckets) ? known : null;
    const buckets = this.policy.realm(realm);
    if (!isLimited(buckets)) return null;
    const scope = new Scope({ kind: 'realm', realm }, this.scopeDeps);
    scope.apply(buckets, this.policy.version);
    this.realms.set(realm, scope);
    return scope;
  }

  /** @param isKept the peer's limits are those that its reservation had before */
  private point(allowance: PeerAllowance, isKept: boolean): void {
    const { key } = allowance;
    const { realm, cluster } = allowance;
    allowance.cluster = this.cluster;
    allowance.realm = this.realm(realmOf(key));
    for (const scope of [allowance.realm, allowance.cluster]) if (scope !== null) scope.users += 1;
    for (const scope of [realm, cluster]) this.leave(scope);
    const buckets = this.policy.peer(key, allowance.own);
    if (!isLimited(buckets)) {
      if (allowance.peer !== null) this.peers.release(key);
      allowance.peer = null;
    } else {
      allowance.peer ??= this.peers.begin(key, buckets, isKept);
      allowance.peer.apply(buckets);
      this.keepTime();
    }
  }

  private closed(allowance: PeerAllowance): void {
    this.peersRefused += allowance.refused;
    this.allowances.delete(allowance);
    this.leave(allowance.realm);
    this.leave(allowance.cluster);
    // Clients name realms as they like, and where nobody sends anything no time is kept to sweep by.
    if (allowance.realm !== null) this.forgetUnused(realmOf(allowance.key), allowance.realm, this.deps.clock.now());
    if (allowance.peer !== null) this.peers.release(allowance.key);
  }

  private leave(scope: Scope | null): void {
    if (scope !== null) scope.users -= 1;
  }

  private wake(scope: Scope): void {
    this.awake.add(scope);
    this.keepTime();
  }

  /** Time is kept only while something depends on it. */
  private keepTime(): void {
    if (this.cancelTick !== null || this.stopped) return;
    if (this.awake.size === 0 && this.peers.size === 0 && this.foreign.size === 0) return;
    this.beat.now = this.deps.clock.now();
    this.cancelTick = this.deps.timers.after(TICK_MS, () => {
      this.cancelTick = null;
      this.tick();
      this.keepTime();
    });
  }

  private tick(): void {
    const now = this.deps.clock.now();
    this.beat.tick += 1;
    this.beat.now = now;
    for (const scope of this.awake) if (!scope.tick(now)) this.awake.delete(scope);
    this.peers.tick(now);
    if (this.beat.tick % SWEEP_TICKS === 0) this.sweep(now);
  }

  private sweep(now: number): void {
    this.foreign.sweep(now);
    for (const [realm, scope] of this.realms) this.forgetUnused(realm, scope, now);
  }

  private forgetUnused(realm: RealmName, scope: Scope, now: number): void {
    if (scope.users === 0 && scope.isForgettable(now)) this.realms.delete(realm);
  }
}

function isLimited({ messages, bytes }: Buckets): boolean {
  return messages !== null || bytes !== null;
}

function reportOf(scope: Scope): ScopeReport {
  const { buckets, levels, admitted, refused, storeIsAway } = scope;
  return { buckets, levels, admitted, refused, storeIsAway };
}
