import type { PeerKey } from '../core/address.ts';
import type { Amounts, BucketScope, BucketStore, Leased, LeaseRequest } from '../core/bucket-ports.ts';
import type { Buckets } from '../core/policy.ts';
import { BucketState, type NodeAccount, UNITS, type Unit } from './bucket-state.ts';
import type { EmbeddedCluster } from './cluster.ts';

/** As `cluster/lua/bucket_*.lua`, in memory. */
export class EmbeddedBuckets implements BucketStore {
  private readonly cluster: EmbeddedCluster;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  async lease(request: LeaseRequest): Promise<Leased> {
    const now = this.cluster.now();
    const bucket = this.at(nameOf(request.scope));
    bucket.settle(now);
    bucket.adopt(request.version, request.buckets, now);
    const node = bucket.node(request.node);
    node.till = now + request.keepMs;
    node.weight = request.weight;
    bucket.holder = null;
    if (request.sequence > node.sequence) {
      node.sequence = request.sequence;
      for (const unit of UNITS) take(bucket, unit, node, request);
    }
    bucket.touch(now);
    return {
      kind: 'leased',
      granted: amounts((unit) => node[unit].granted),
      level: amounts((unit) => bucket[unit]?.level ?? 0),
      owed: amounts((unit) => Math.min(node[unit].account, 0)),
      weights: bucket.weights(now),
    };
  }

  async hold(key: PeerKey, holder: string, buckets: Buckets): Promise<{ kind: 'held'; level: Amounts }> {
    const now = this.cluster.now();
    const bucket = this.at(key);
    if (bucket.holder?.name !== holder) {
      for (const node of bucket.nodes.values()) node.till = Math.min(node.till, now);
      bucket.settle(now);
      bucket.adopt(bucket.version, buckets, now);
      bucket.holder = { name: holder, level: amounts((unit) => bucket[unit]?.level ?? 0) };
      for (const unit of UNITS) {
        const state = bucket[unit];
        if (state !== null) state.level = 0;
      }
    }
    bucket.touch(now);
    return { kind: 'held', level: bucket.holder.level };
  }

  async giveBack(
    key: PeerKey,
    holder: string,
    buckets: Buckets,
    level: Amounts,
  ): Promise<{ kind: 'given_back' } | { kind: 'not_held' }> {
    const now = this.cluster.now();
    const bucket = this.at(key);
    if (bucket.holder?.name !== holder) return { kind: 'not_held' };
    bucket.settle(now);
    bucket.adopt(bucket.version, buckets, now);
    for (const unit of UNITS) {
      const state = bucket[unit];
      if (state !== null) state.level = Math.min(level[unit], state.burst);
    }
    bucket.holder = null;
    bucket.touch(now);
    return { kind: 'given_back' };
  }

  private at(name: string): BucketState {
    const known = this.cluster.buckets.get(name);
    if (known !== undefined && known.forgetAt > this.cluster.now()) return known;
    const bucket = new BucketState(this.cluster.now());
    this.cluster.buckets.set(name, bucket);
    return bucket;
  }
}

function take(bucket: BucketState, unit: Unit, node: NodeAccount, { give, want }: LeaseRequest): void {
  const state = bucket[unit];
  const own = node[unit];
  if (state === null) {
    node[unit] = { account: 0, want: 0, granted: want[unit] };
    return;
  }
  const account = own.account + give[unit];
  const more = Math.min(Math.max(want[unit] - account, 0), Math.max(state.level, 0));
  const granted = Math.max(Math.min(account + more, want[unit]), 0);
  const left = account + more - granted;
  node[unit] = { account: Math.min(left, 0), want: want[unit] - granted, granted };
  const pool = state.level - more + Math.max(left, 0);
  state.level = Math.min(bucket.shareOut(unit, pool), state.burst);
}

/** A peer's is named by its key, which has a slash; a realm has none. */
function nameOf(scope: BucketScope): string {
  if (scope.kind === 'peer') return scope.key;
  return scope.kind === 'realm' ? `r:${scope.realm}` : 'cluster';
}

function amounts(of: (unit: Unit) => number): Amounts {
  return { messages: of('messages'), bytes: of('bytes') };
}
