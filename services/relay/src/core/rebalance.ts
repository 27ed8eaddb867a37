import type { NodeId } from '@causeway/protocol';
import type { Log, Timers } from './clock.ts';
import type { Departing } from './drain.ts';
import type { NodeRecord } from './ports.ts';

/** A node may have this many times the mean of all before it sends clients away. */
const TOLERATED = 1.2;
/** Clients that leave within a second: this share of all, or this many if that is more. */
const SHARE_PER_SECOND = 0.01;
const LEAST_PER_SECOND = 10;
const SECOND_MS = 1000;
const MAX_URLS = 5;
const REASON = 'the relay has more connections than the others';

/** How a node's connections compare to those of the others that take clients. */
export interface Balance {
  /** Connections of a node on average, this one included. */
  readonly mean: number;
  /** How many it has too many: what is above the mean, once that is exceeded by more than 20 %; else 0. */
  readonly surplus: number;
  /** Nodes below the mean, with how many they lack. */
  readonly roomy: readonly { readonly url: string; readonly room: number }[];
}

/** @param nodes all nodes; what is recorded of this one does not count, `connections` does */
export function balance(own: NodeId, connections: number, nodes: readonly NodeRecord[]): Balance {
  const others = nodes.filter(({ node, state }) => node !== own && state === 'live');
  const all = others.reduce((sum, other) => sum + other.connections, connections);
  const mean = all / (others.length + 1);
  return {
    mean,
    surplus: connections > mean * TOLERATED ? Math.floor(connections - mean) : 0,
    roomy: others
      .filter(({ url, connections }) => url !== '' && connections < mean)
      .map(({ url, connections }) => ({ url, room: mean - connections })),
  };
}

export type RebalanceReply =
  /** `count` clients are sent away, the last of them after `seconds`. */
  | { readonly kind: 'started'; readonly count: number; readonly seconds: number; readonly mean: number }
  /** There is no surplus. */
  | { readonly kind: 'balanced'; readonly mean: number }
  /** No node that has room has told its public URL. */
  | { readonly kind: 'nowhere'; readonly surplus: number; readonly mean: number }
  /** An earlier call has yet to send away `left` clients, or the others have yet to tell how many they have now. */
  | { readonly kind: 'running'; readonly left: number };

export interface RebalanceDeps {
  readonly node: NodeId;
  /** What is known of the other nodes is never older. */
  readonly leaseMs: number;
  readonly timers: Timers;
  readonly log: Log;
  readonly nodes: () => readonly NodeRecord[];
  readonly connections: () => number;
  /** Clients that may be sent away, the oldest first. */
  readonly clients: () => readonly Departing[];
}

/** Sends the clients away that a node has too many, to nodes that have fewer, at a bounded rate. */
export class Rebalance {
  private readonly deps: RebalanceDeps;
  private running = false;
  private left = 0;
  private cancel = (): void => undefined;

  constructor(deps: RebalanceDeps) {
    this.deps = deps;
  }

  /** @param limit of clients to send away */
  start(limit = Number.POSITIVE_INFINITY): RebalanceReply {
    if (this.running) return { kind: 'running', left: this.left };
    const { node, connections, nodes, clients, log } = this.deps;
    const before = connections();
    const { mean, surplus, roomy } = balance(node, before, nodes());
    if (surplus === 0) return { kind: 'balanced', mean };
    if (roomy.length === 0) return { kind: 'nowhere', surplus, mean };
    // Those that came last: who has been connected for long stays so.
    const chosen = clients().slice(-Math.min(surplus, limit)).reverse();
    const perSecond = Math.max(LEAST_PER_SECOND, Math.ceil(before * SHARE_PER_SECOND));
    log.info(
      { event: 'rebalance', connections: before, mean, count: chosen.length },
      'clients are sent to other nodes',
    );
    this.sendAway(chosen, perSecond, new Destinations(roomy));
    return { kind: 'started', count: chosen.length, seconds: Math.ceil(chosen.length / perSecond), mean };
  }

  /** Sends nobody else away. */
  stop(): void {
    this.cancel();
    this.running = false;
  }

  private sendAway(clients: readonly Departing[], perSecond: number, destinations: Destinations): void {
    this.running = true;
    const now = clients.slice(0, perSecond);
    now.forEach((client, index) => {
      client.goAway(REASON, Math.floor((index * SECOND_MS) / now.length), destinations.next());
    });
    const later = clients.slice(perSecond);
    this.left = later.length;
    const { timers, leaseMs } = this.deps;
    this.cancel =
      later.length > 0
        ? timers.after(SECOND_MS, () => this.sendAway(later, perSecond, destinations))
        : timers.after(SECOND_MS + leaseMs, () => {
            this.running = false;
          });
  }
}

/** Fills the nodes that have room evenly. */
class Destinations {
  private readonly nodes: { readonly url: string; room: number }[];

  constructor(roomy: Balance['roomy']) {
    this.nodes = roomy.map((node) => ({ ...node }));
  }

  /** The node with the most room, and others in case it is full. */
  next(): string[] {
    this.nodes.sort((a, b) => b.room - a.room);
    const [most] = this.nodes;
    if (most !== undefined) most.room -= 1;
    return [...new Set(this.nodes.map(({ url }) => url))].slice(0, MAX_URLS);
  }
}
