import type { RelayNode } from './node.ts';
import type { RelayControls } from './operations/controls.ts';

/** The relay of this process, as operators may act on it; a fenced one is followed by another. */
export function relayControls(relay: RelayNode, connections: () => number, drain: () => void): RelayControls {
  return {
    get node() {
      return relay.settings.node;
    },
    get connections() {
      return connections();
    },
    nodes: () => relay.current.nodes(),
    gauges: () => relay.gauges(connections()),
    echo: (ms) => relay.echo(ms),
    drain,
    rebalance: (limit) => relay.current.rebalance(limit),
    checkConsistency: () => relay.current.checkConsistency(),
    disconnect: (key, reason) => relay.current.disconnect(key, reason),
    window: (key) => relay.current.window(key),
    purged: (realm, removed) => relay.current.purged(realm, removed),
    allow: (question) => relay.current.tenancy.limiter.allow(question),
  };
}
