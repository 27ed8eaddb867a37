import type { NodeId, PeerId, RealmName } from '@causeway/protocol';
import { type PeerKey, peerKey } from '../../services/relay/src/core/address.ts';
import type { BucketStore } from '../../services/relay/src/core/bucket-ports.ts';
import type { AwayPolicy } from '../../services/relay/src/core/bucket-scope.ts';
import { Counters } from '../../services/relay/src/core/counters.ts';
import { Limiter } from '../../services/relay/src/core/limiter.ts';
import { PASSED, type SendAllowance } from '../../services/relay/src/core/limits.ts';
import { Policy, type PolicyDocument } from '../../services/relay/src/core/policy.ts';
import { EmbeddedBuckets } from '../../services/relay/src/embedded/buckets.ts';
import { createEmbeddedCluster } from '../../services/relay/src/embedded/cluster.ts';
import { createRng, type Rng } from '../kit/rng.ts';
import { World } from './world.ts';

const MAX_PAYLOAD = 1024 * 1024;
export const REALM = 'acme' as RealmName;

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export interface LimitsOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly document: PolicyDocument;
  readonly away?: AwayPolicy;
  /** So far the nodes' clocks are off at most, in milliseconds. */
  readonly skewMs?: number;
}

/** What one client sends: as much as it may, or at a rate, messages of a size. */
export interface ClientOptions {
  readonly peer: string;
  readonly realm?: RealmName;
  readonly bytes?: number;
  /** Messages a second that it wants to send; as many as it may without. */
  readonly perSecond?: number;
  /** Tries that it makes at once at most. */
  readonly window?: number;
}

/** Several nodes' limiters over one store with latency, under virtual time. */
export class LimitsWorld {
  readonly world = new World();
  readonly rng: Rng;
  readonly limiters: readonly Limiter[];
  readonly counters: readonly Counters[];
  /** Admitted messages: when, and how large. */
  readonly admitted: { readonly at: number; readonly bytes: number; readonly peer: string }[] = [];
  isStoreAway = false;
  private readonly buckets: BucketStore;
  private version = 1;

  constructor(options: LimitsOptions) {
    const { seed, nodes, document, away = 'share', skewMs = 0 } = options;
    this.rng = createRng(seed);
    this.buckets = new EmbeddedBuckets(createEmbeddedCluster(() => this.world.now()));
    const names = Array.from({ length: nodes }, (_, index) => `n${index}` as NodeId);
    this.counters = names.map(() => new Counters());
    this.limiters = names.map((node, index) => {
      const off = Math.round((this.rng.next() * 2 - 1) * skewMs);
      const clock = { now: () => this.world.now() + off };
      const counters = this.counters[index] as Counters;
      const timers = {
        // Timers are late now and then, as those of a busy process.
        after: (ms: number, call: () => void) =>
          this.world.after(ms + (this.rng.chance(0.1) ? this.rng.int(15) : 0), call),
        soon: (call: () => void) => this.world.soon(call),
      };
      const policy = new Policy(document, this.version, MAX_PAYLOAD);
      const store = this.delayed();
      return new Limiter({ node, store, clock, timers, log: quiet, counters, away, policy, nodes: () => nodes });
    });
    for (const limiter of this.limiters) limiter.start();
  }

  setPolicy(document: PolicyDocument): void {
    this.version += 1;
    for (const limiter of this.limiters) limiter.applyPolicy(new Policy(document, this.version, MAX_PAYLOAD));
  }

  /** A client at a node until `stop` is called; it tries again when it was told to, give or take a few milliseconds. */
  client(node: number, options: ClientOptions): { stop(): void } {
    const { peer, realm = REALM, bytes = 0, perSecond, window = 1000 } = options;
    const key: PeerKey = peerKey(realm, peer as PeerId);
    let allowance: SendAllowance | null = null;
    let stopped = false;
    let owed = 0;
    let countedAt = this.world.now();
    const step = (): void => {
      if (stopped || allowance === null) return;
      const now = this.world.now();
      owed = perSecond === undefined ? window : Math.min(owed + (perSecond * (now - countedAt)) / 1000, window);
      countedAt = now;
      let wait = perSecond === undefined ? 5 : Math.max(5, 1000 / perSecond);
      while (owed >= 1) {
        if (allowance.take(bytes) !== PASSED) {
          wait = allowance.retryAfterMs + this.rng.int(5);
          break;
        }
        owed -= 1;
        this.admitted.push({ at: now, bytes, peer });
      }
      this.world.after(wait, step);
    };
    void (this.limiters[node] as Limiter).open(key, {}).then((opened) => {
      if (stopped) return opened.close();
      allowance = opened;
      this.world.after(this.rng.int(20), step);
    });
    return {
      stop: () => {
        stopped = true;
        allowance?.close();
      },
    };
  }

  async run(ms: number): Promise<void> {
    await this.world.run(ms, () => false);
  }

  /** Messages, or with `bytes` their bytes, admitted in the window. */
  total(from: number, ms: number, unit: 'messages' | 'bytes' = 'messages', peer?: string): number {
    let sum = 0;
    for (const one of this.admitted) {
      if (one.at < from || one.at >= from + ms || (peer !== undefined && one.peer !== peer)) continue;
      sum += unit === 'bytes' ? one.bytes : 1;
    }
    return sum;
  }

  /** The least and the most of all windows of 10 s from `from` on, at steps of 100 ms. */
  extremes(from: number, unit: 'messages' | 'bytes' = 'messages'): { least: number; most: number } {
    let least = Infinity;
    let most = 0;
    for (let at = from; at + 10_000 <= this.world.now(); at += 100) {
      const sum = this.total(at, 10_000, unit);
      least = Math.min(least, sum);
      most = Math.max(most, sum);
    }
    return { least, most };
  }

  /** Requests to the store that were answered, over all nodes. */
  get commands(): number {
    return this.counters.reduce((sum, { leases }) => sum + leases.answered, 0);
  }

  private delayed(): BucketStore {
    const pass = async <T>(call: () => Promise<T>) => {
      await this.world.sleep(this.rng.int(2));
      if (this.isStoreAway) return { kind: 'unavailable', reason: 'test' } as const;
      const reply = await call();
      await this.world.sleep(this.rng.int(3));
      // An answer that is lost: the call took effect.
      if (this.isStoreAway) return { kind: 'unavailable', reason: 'test' } as const;
      return reply;
    };
    return {
      lease: (request) => pass(() => this.buckets.lease(request)),
      hold: (...args) => pass(() => this.buckets.hold(...args)),
      giveBack: (...args) => pass(() => this.buckets.giveBack(...args)),
    };
  }
}
