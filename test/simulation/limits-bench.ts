import type { NodeId, PeerId, RealmName } from '@causeway/protocol';
import { type PeerKey, peerKey } from '../../services/relay/src/core/address.ts';
import type { BucketStore, LeaseRequest } from '../../services/relay/src/core/bucket-ports.ts';
import type { AwayPolicy } from '../../services/relay/src/core/bucket-scope.ts';
import { Counters } from '../../services/relay/src/core/counters.ts';
import { Limiter } from '../../services/relay/src/core/limiter.ts';
import { PASSED, type SendAllowance, type Verdict } from '../../services/relay/src/core/limits.ts';
import { Policy, type PolicyDocument, type Rate } from '../../services/relay/src/core/policy.ts';
import { EmbeddedBuckets } from '../../services/relay/src/embedded/buckets.ts';
import { createEmbeddedCluster } from '../../services/relay/src/embedded/cluster.ts';
import { World } from './world.ts';

export const REALM = 'acme' as RealmName;
const MAX_PAYLOAD = 1000;
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const UNAVAILABLE = { kind: 'unavailable', reason: 'test' } as const;

export function keyOf(peer: string): PeerKey {
  return peerKey(REALM, peer as PeerId);
}

export interface BenchOptions {
  readonly away?: AwayPolicy;
  readonly nodes?: number | (() => number);
}

/** One or more nodes over one store that can be away. */
export class LimiterBench {
  readonly world = new World();
  readonly calls: string[] = [];
  /** Leases as they were asked for. */
  readonly requests: LeaseRequest[] = [];
  isAway = false;
  /** Calls take effect, and their answers are lost. */
  losesAnswers = false;
  readonly #buckets = new EmbeddedBuckets(createEmbeddedCluster(() => this.world.now()));
  #version = 0;
  #nodes = 0;

  node(document: PolicyDocument, { away = 'share', nodes = 1 }: BenchOptions = {}): Limiter {
    const { world } = this;
    this.#nodes += 1;
    const node = `n${this.#nodes}` as NodeId;
    const counters = new Counters();
    const policy = this.policy(document);
    return new Limiter({
      node,
      store: this.#store(),
      clock: world,
      timers: world,
      log,
      counters,
      away,
      policy,
      nodes: typeof nodes === 'number' ? () => nodes : nodes,
    });
  }

  policy(document: PolicyDocument): Policy {
    this.#version += 1;
    return new Policy(document, this.#version, MAX_PAYLOAD);
  }

  async pass(ms: number): Promise<void> {
    await this.world.run(ms, () => false);
  }

  #store(): BucketStore {
    const call = async <T>(name: string, run: () => Promise<T>) => {
      this.calls.push(name);
      if (this.isAway) return UNAVAILABLE;
      const reply = await run();
      return this.losesAnswers ? UNAVAILABLE : reply;
    };
    return {
      lease: (request) => {
        this.requests.push(request);
        return call('lease', () => this.#buckets.lease(request));
      },
      hold: (...args) => call('hold', () => this.#buckets.hold(...args)),
      giveBack: (...args) => call('giveBack', () => this.#buckets.giveBack(...args)),
    };
  }
}

/** How many messages pass at once, and what refuses the next. */
export function takeAll(allowance: SendAllowance, bytes = 0, most = 10_000): { passed: number; verdict: Verdict } {
  for (let passed = 0; passed < most; passed += 1) {
    const verdict = allowance.take(bytes);
    if (verdict !== PASSED) return { passed, verdict };
  }
  return { passed: most, verdict: PASSED };
}

export function messages(perSecond: number, burst: number): { readonly messages: Rate } {
  return { messages: { perSecond, burst } };
}
