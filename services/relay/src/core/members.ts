import type { NodeId } from '@causeway/protocol';
import type { Clock, Log, Timers } from './clock.ts';
import type { Counters } from './counters.ts';
import type { Membership, NodeRecord } from './ports.ts';
import type { Settings } from './settings.ts';

/** A lease is renewed three times in its life, so that two renewals may fail. */
const RENEWALS = 3;
/** Milliseconds behind the end of another node's lease at which it is looked at. */
const LOOK_AFTER_MS = 20;
/** Renewals that fail are tried again this often in a life, so that a node is back soon after the store is. */
const RETRIES = 10;

export interface MembersDeps {
  readonly settings: Settings;
  readonly membership: Membership;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly counters: Counters;
  readonly connections: () => number;
  /** A node is dead, or has left. */
  readonly onDead: (node: NodeId) => void;
  /** Asked with every renewal: the nodes that were declared dead and are to be reaped. */
  readonly onUnreaped: (nodes: readonly NodeId[]) => void;
  /** With every renewal that was answered. */
  readonly onRenewed: () => void;
  /** The others have declared this node dead. */
  readonly onFenced: () => void;
}

/**
 * This node's lease, and what it knows of the others. All times are the store's, so that the nodes' own clocks may
 * differ. A node is dead when it was declared so; it is gone as well when it is not on the list although whoever is
 * alive must have renewed its lease by now: this node's own has not run out for one lease time.
 */
export class Members {
  private readonly deps: MembersDeps;
  private known = new Map<NodeId, NodeRecord>();
  /** Nodes that were asked about and are not on the list, or have disappeared from it. */
  private readonly missing = new Set<NodeId>();
  /** Nodes of which `onDead` was told; they never come back under their ids. */
  private readonly dead = new Set<NodeId>();
  private state: 'live' | 'draining' = 'live';
  private failing = false;
  /** Milliseconds since 1970 at which the last renewal that was answered had been asked for. */
  private renewedAt = 0;
  private waiting: (() => void)[] = [];
  private renewing = false;
  private stopped = false;
  private cancel = (): void => undefined;
  private onStarted = (): void => undefined;

  constructor(deps: MembersDeps) {
    this.deps = deps;
  }

  /** Nodes that are not dead, this one included. */
  /** As of the last renewal of this node's lease. */
  get all(): readonly NodeRecord[] {
    return [...this.known.values()];
  }

  get live(): readonly NodeRecord[] {
    return [...this.known.values()].filter(({ state }) => state === 'live' || state === 'draining');
  }

  /** False also for a node that is not known yet: the next renewals tell, and `onDead` says so. */
  isDead(node: NodeId): boolean {
    if (this.dead.has(node)) return true;
    if (!this.known.has(node)) this.missing.add(node);
    return false;
  }

  /** Goes on to renew the lease until `stop`; resolves when it is written for the first time. */
  start(): Promise<void> {
    return new Promise((resolve) => {
      this.onStarted = resolve;
      void this.renew();
    });
  }

  /**
   * Whether this node's lease holds: nobody can have declared it dead. One that stood still for a while does not know
   * what has become of its peers, and must learn that first.
   */
  get isHeld(): boolean {
    return this.renewedAt + this.deps.settings.nodeLeaseMs > this.deps.clock.now();
  }

  /** Calls as soon as the lease holds; never, when the node has been declared dead. */
  whenHeld(call: () => void): void {
    if (this.isHeld) call();
    else this.waiting.push(call);
  }

  /** From now on no other node names this one to clients. */
  drain(): void {
    this.state = 'draining';
    if (this.renewing) return;
    this.cancel();
    void this.renew();
  }

  stop(): void {
    this.stopped = true;
    this.cancel();
    this.onStarted();
  }

  async leave(): Promise<void> {
    this.stop();
    await this.deps.membership.leave(this.deps.settings.node);
  }

  private async renew(): Promise<void> {
    const { settings, membership, clock, log, connections } = this.deps;
    const asked = clock.now();
    const { node, region, url, nodeLeaseMs } = settings;
    const record = { node, region, url, connections: connections(), state: this.state };
    this.renewing = true;
    const reply = await membership.renew(record, nodeLeaseMs);
    this.renewing = false;
    if (this.stopped) return;
    const failing = reply.kind === 'unavailable';
    if (failing && !this.failing) log.warn({ reason: reply.reason }, 'the lease could not be renewed');
    if (!failing && this.failing) log.info({}, 'the lease is renewed again');
    this.failing = failing;
    if (reply.kind === 'dead') {
      this.stop();
      return this.deps.onFenced();
    }
    if (reply.kind === 'unavailable') return this.again(nodeLeaseMs / RETRIES);
    this.renewedAt = asked;
    this.learn(reply.now, reply.nodes);
    this.onStarted();
    for (const call of this.waiting.splice(0)) call();
    this.deps.onRenewed();
    this.again(Math.min(nodeLeaseMs / RENEWALS, this.untilNextEnd(reply.now)));
    await this.declareDead(reply.now);
    this.deps.onUnreaped([...this.known.values()].flatMap((one) => (one.state === 'dead' ? [one.node] : [])));
  }

  private again(ms: number): void {
    if (!this.stopped) this.cancel = this.deps.timers.after(ms, () => void this.renew());
  }

  private learn(now: number, nodes: readonly NodeRecord[]): void {
    const before = this.known;
    this.known = new Map(nodes.map((record) => [record.node, record]));
    for (const node of before.keys()) if (!this.known.has(node)) this.missing.add(node);
    for (const { node, state } of nodes) {
      this.missing.delete(node);
      if (state === 'dead' || state === 'reaped') this.died(node);
    }
    const { node, nodeLeaseMs } = this.deps.settings;
    const own = this.known.get(node);
    if (own === undefined || now - own.steadySince < nodeLeaseMs) return;
    for (const node of this.missing) this.died(node);
    this.missing.clear();
  }

  private died(node: NodeId): void {
    if (this.dead.has(node)) return;
    this.dead.add(node);
    this.deps.onDead(node);
  }

  private async declareDead(now: number): Promise<void> {
    const { settings, membership, log, counters } = this.deps;
    for (const record of this.live) {
      if (record.leaseUntil >= now || record.node === settings.node) continue;
      const reply = await membership.declareDead(record.node, settings.node, settings.nodeLeaseMs);
      if (this.stopped || reply.kind !== 'declared') continue;
      counters.declaredDead += 1;
      log.warn({ event: 'declared-dead', dead: record.node }, 'a node has not renewed its lease: declared dead');
      this.known.set(record.node, { ...record, state: 'dead' });
      this.died(record.node);
    }
  }

  /** Milliseconds until the next lease of another node ends, unless it is renewed. */
  private untilNextEnd(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { node, leaseUntil } of this.live) {
      if (node !== this.deps.settings.node && leaseUntil >= now) next = Math.min(next, leaseUntil - now);
    }
    return next + LOOK_AFTER_MS;
  }
}
