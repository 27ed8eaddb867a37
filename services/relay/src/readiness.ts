import type { StoreHealth } from './core/ports.ts';
import type { Relay } from './core/relay.ts';

/** A probe that takes longer counts as lost. */
const PROBE_MS = 1000;
/** Those who ask within this time share one probe. */
const FRESH_MS = 500;
const DRAINING = 'draining';

export interface ReadinessDeps {
  readonly relay: Pick<Relay, 'echo'>;
  readonly health: Pick<StoreHealth, 'check'>;
  readonly connections: () => number;
  readonly maxConnections: number;
}

/**
 * Whether the node can do its work right now: a probe has just gone through its own inbox and back, the store keeps what
 * it is given, and there is room for connections. Nothing is concluded from how it once was.
 */
export class Readiness {
  /** The last answer, for the metric. */
  isReady = false;
  private readonly deps: ReadinessDeps;
  private stopping = false;
  private answer: Promise<readonly string[]> | null = null;

  constructor(deps: ReadinessDeps) {
    this.deps = deps;
  }

  /** Not ready any more, and for good. */
  stop(): void {
    this.stopping = true;
    this.isReady = false;
    // An answer from a moment ago must not bring further clients.
    this.answer = null;
  }

  /** Why the node is not ready; empty when it is. */
  reasons(): Promise<readonly string[]> {
    if (this.answer === null) {
      this.answer = this.check();
      setTimeout(() => {
        this.answer = null;
      }, FRESH_MS).unref();
    }
    return this.answer;
  }

  private async check(): Promise<readonly string[]> {
    const { relay, health, connections, maxConnections } = this.deps;
    if (this.stopping) return [DRAINING];
    const [cameBack, store] = await Promise.all([relay.echo(PROBE_MS), health.check()]);
    const reasons: string[] = [];
    if (!cameBack) reasons.push(`a probe through this node's own inbox did not come back within ${PROBE_MS} ms`);
    if (store.kind !== 'healthy') reasons.push(store.reason);
    if (connections() >= maxConnections) reasons.push(`all ${maxConnections} connections are taken`);
    this.isReady = reasons.length === 0 && !this.stopping;
    return this.stopping ? [DRAINING] : reasons;
  }
}
