import type { NodeId, RealmName } from '@causeway/protocol';
import type { PeerKey } from '../core/address.ts';
import type { Tallies, Tally } from '../core/shared-ports.ts';
import type { EmbeddedCluster, Share } from './cluster.ts';

export class EmbeddedTallies implements Tallies {
  private readonly cluster: EmbeddedCluster;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  async claim(
    realm: RealmName,
    tally: Tally,
    node: NodeId,
    amount: number,
    cap: number,
    ttlMs: number,
  ): Promise<{ kind: 'claimed' } | { kind: 'full'; held: number }> {
    const shares = this.shares(realm, tally);
    const held = sum(shares);
    if (held + amount > cap) return { kind: 'full', held };
    this.put(shares, node, (shares.get(node)?.count ?? 0) + amount, ttlMs);
    return { kind: 'claimed' };
  }

  async report(
    realm: RealmName,
    tally: Tally,
    node: NodeId,
    amount: number,
    ttlMs: number,
  ): Promise<{ kind: 'reported'; held: number }> {
    const shares = this.shares(realm, tally);
    if (amount === 0) shares.delete(node);
    else this.put(shares, node, amount, ttlMs);
    return { kind: 'reported', held: sum(shares) };
  }

  async reserve(
    realm: RealmName,
    key: PeerKey,
    ttlMs: number,
    cap: number,
  ): Promise<{ kind: 'reserved' } | { kind: 'full'; held: number }> {
    const now = this.cluster.now();
    const booked = fetch(this.cluster.bookings, realm);
    if ((booked.get(key) ?? 0) <= now && booked.size >= cap) {
      for (const [peer, until] of booked) if (until <= now) booked.delete(peer);
      if (booked.size >= cap) return { kind: 'full', held: booked.size };
    }
    booked.set(key, now + ttlMs);
    return { kind: 'reserved' };
  }

  /** Of the nodes that still count. */
  private shares(realm: RealmName, tally: Tally): Map<NodeId, Share> {
    const now = this.cluster.now();
    const shares = fetch(this.cluster.tallies, `${realm}/${tally}`);
    for (const [node, { until }] of shares) if (until <= now) shares.delete(node);
    return shares;
  }

  private put(shares: Map<NodeId, Share>, node: NodeId, count: number, ttlMs: number): void {
    shares.set(node, { count, until: this.cluster.now() + ttlMs });
  }
}

function sum(shares: ReadonlyMap<NodeId, Share>): number {
  let held = 0;
  for (const { count } of shares.values()) held += count;
  return held;
}

/** What the table has under the name; an empty map, and then kept there, when it has nothing. */
function fetch<N, K, V>(table: Map<N, Map<K, V>>, name: N): Map<K, V> {
  const known = table.get(name);
  if (known !== undefined) return known;
  const fresh = new Map<K, V>();
  table.set(name, fresh);
  return fresh;
}
