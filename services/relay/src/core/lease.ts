import type { Log } from './clock.ts';
import type { Membership } from './ports.ts';
import type { Settings } from './settings.ts';

export interface LeaseDeps {
  readonly settings: Settings;
  readonly membership: Membership;
  readonly log: Log;
  readonly connections: () => number;
}

/** A lease is renewed three times in its life, so that two renewals may fail. */
export const RENEWALS = 3;

/** This node's entry among the nodes of the cluster. */
export class Lease {
  private readonly deps: LeaseDeps;
  private failing = false;

  constructor(deps: LeaseDeps) {
    this.deps = deps;
  }

  /** To be called three times in a lease's life. False: the others have declared this node dead. */
  async renew(): Promise<boolean> {
    const { settings, membership, log, connections } = this.deps;
    const { node, region, url, nodeLeaseMs } = settings;
    const record = { node, region, url, connections: connections(), state: 'live' as const };
    const reply = await membership.renew(record, nodeLeaseMs);
    const failing = reply.kind === 'unavailable';
    if (failing && !this.failing) log.warn({ reason: reply.reason }, 'the lease could not be renewed');
    if (!failing && this.failing) log.info({}, 'the lease is renewed again');
    this.failing = failing;
    return reply.kind !== 'dead';
  }

  async release(): Promise<void> {
    await this.deps.membership.leave(this.deps.settings.node);
  }
}
