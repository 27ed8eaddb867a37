import type { NodeId } from '@causeway/protocol';
import type { Amounts } from '../core/bucket-ports.ts';
import type { Buckets } from '../core/policy.ts';

export const UNITS = ['messages', 'bytes'] as const;
export type Unit = (typeof UNITS)[number];

/** A node's last answer is kept for so long, for a repetition. */
const REMEMBER_MS = 60_000;
const LONGEST_TTL_MS = 86_400_000;
/** A version by which nobody has asked for so long is one that the store has lost. */
const VERSION_HOLDS_MS = 5000;

export interface UnitState {
  perSecond: number;
  burst: number;
  /** For everybody. */
  level: number;
}

/** What is kept for a node in one unit, what it still wants, and what it got last. */
interface NodeShare {
  account: number;
  want: number;
  granted: number;
}

export interface NodeAccount {
  sequence: number;
  /** Milliseconds since 1970 until which it asks again. */
  till: number;
  weight: number;
  messages: NodeShare;
  bytes: NodeShare;
}

/** One bucket; `cluster/lua/lib/bucket.lua` says what the parts mean. */
export class BucketState {
  messages: UnitState | null = null;
  bytes: UnitState | null = null;
  version = -1;
  /** Milliseconds since 1970 at which somebody asked by that version last. */
  private askedAt = 0;
  holder: { readonly name: string; readonly level: Amounts } | null = null;
  readonly nodes = new Map<NodeId, NodeAccount>();
  forgetAt = Number.POSITIVE_INFINITY;
  private settledAt: number;

  constructor(now: number) {
    this.settledAt = now;
  }

  node(name: NodeId): NodeAccount {
    let node = this.nodes.get(name);
    if (node === undefined) {
      node = { sequence: 0, till: 0, weight: 0, messages: noShare(), bytes: noShare() };
      this.nodes.set(name, node);
    }
    return node;
  }

  /** Of those who wait for tokens. */
  weights(now: number): number {
    let sum = 0;
    for (const node of this.nodes.values()) {
      if (node.till > now && UNITS.some((unit) => node[unit].want > node[unit].account)) sum += node.weight;
    }
    return sum;
  }

  settle(now: number): void {
    const seconds = Math.max(now - this.settledAt, 0) / 1000;
    this.settledAt = now;
    for (const unit of UNITS) {
      const state = this[unit];
      if (state === null) continue;
      let pool = state.level + (this.holder === null ? state.perSecond * seconds : 0);
      for (const node of this.nodes.values()) {
        if (node.till > now) continue;
        pool += node[unit].account;
        node[unit].account = 0;
        node[unit].want = 0;
      }
      state.level = Math.min(this.shareOut(unit, pool, now), state.burst);
    }
  }

  /** Max-min by weight: whoever wants less than its share gets that, and the others share what is left of it. */
  shareOut(unit: Unit, pool: number, now = this.settledAt): number {
    let open = [...this.nodes.values()].filter((node) => node.till > now && node[unit].want > node[unit].account);
    let left = pool;
    while (left > 0 && open.length > 0) {
      const each = left / open.reduce((sum, { weight }) => sum + weight, 0);
      const unfilled: NodeAccount[] = [];
      for (const node of open) {
        const missing = node[unit].want - node[unit].account;
        if (missing <= each * node.weight) {
          node[unit].account = node[unit].want;
          left -= missing;
        } else unfilled.push(node);
      }
      if (unfilled.length === open.length) {
        for (const node of open) node[unit].account += each * node.weight;
        return 0;
      }
      open = unfilled;
    }
    return left;
  }

  adopt(version: number, buckets: Buckets, now: number): void {
    if (version < this.version && this.askedAt + VERSION_HOLDS_MS > now) return;
    const isNew = version !== this.version;
    this.version = version;
    this.askedAt = now;
    for (const unit of UNITS) {
      const bucket = buckets[unit];
      if (bucket === null) {
        this[unit] = null;
        for (const node of this.nodes.values()) node[unit] = { ...node[unit], account: 0, want: 0 };
      } else {
        let level = this[unit]?.level ?? bucket.burst;
        for (const node of isNew ? this.nodes.values() : []) {
          level += Math.max(node[unit].account, 0);
          node[unit].account = Math.min(node[unit].account, 0);
        }
        this[unit] = { ...bucket, level: Math.min(level, bucket.burst) };
      }
    }
  }

  /** Sets when it is as good as a new one. */
  touch(now: number): void {
    for (const [name, { till }] of this.nodes) if (till + REMEMBER_MS <= now) this.nodes.delete(name);
    const ttl = this.holder === null ? Math.min(this.recoveryMs() + REMEMBER_MS, LONGEST_TTL_MS) : LONGEST_TTL_MS;
    this.forgetAt = now + Math.ceil(ttl);
  }

  private recoveryMs(): number {
    let longest = 0;
    for (const unit of UNITS) {
      const state = this[unit];
      if (state === null) continue;
      let missing = state.burst - state.level;
      for (const node of this.nodes.values()) missing -= node[unit].account;
      if (missing > 0) longest = Math.max(longest, (missing * 1000) / Math.max(state.perSecond, 0.000001));
    }
    return longest;
  }
}

function noShare(): NodeShare {
  return { account: 0, want: 0, granted: 0 };
}
