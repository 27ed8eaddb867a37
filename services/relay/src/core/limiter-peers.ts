import type { NodeId } from '@causeway/protocol';
import type { PeerKey } from './address.ts';
import { type Beat, PeerBucket } from './bucket-peer.ts';
import type { Amounts, BucketStore } from './bucket-ports.ts';
import type { AwayPolicy } from './bucket-scope.ts';
import type { Clock } from './clock.ts';
import type { Buckets } from './policy.ts';
import { Turnstile } from './turnstile.ts';

const RETRY_MS = 1000;
/** A new policy may concern all peers at once: what nobody waits for must not stand in front of everything else. */
const CALLS_AT_ONCE = 8;
const NOTHING: Amounts = { messages: 0, bytes: 0 };

export interface HeldPeersDeps {
  readonly node: NodeId;
  readonly store: BucketStore;
  readonly clock: Clock;
  readonly beat: Beat;
  readonly away: AwayPolicy;
  readonly nodes: () => number;
  /** Whether the store answered when it was asked last. */
  readonly isReachable: () => boolean;
  readonly onReply: (answered: boolean) => void;
}

/** A peer's bucket that this node holds, for as many registrations of the peer as there are here. */
interface Held {
  readonly key: PeerKey;
  readonly holder: string;
  readonly bucket: PeerBucket;
  users: number;
  /** The store does not know yet that it is held here. */
  claiming: boolean;
  retryAt: number;
  opened: Promise<void>;
}

/** The buckets of the peers that are registered here: each comes with the registration, and goes with it. */
export class HeldPeers {
  private readonly deps: HeldPeersDeps;
  private readonly held = new Map<PeerKey, Held>();
  private readonly unclaimed = new Set<Held>();
  private readonly underWay = new Set<Promise<unknown>>();
  private readonly turnstile = new Turnstile(CALLS_AT_ONCE);
  private holders = 0;
  /** Milliseconds since 1970 until which nothing is given back: the store has just not answered. */
  private awayUntil = 0;

  constructor(deps: HeldPeersDeps) {
    this.deps = deps;
  }

  get size(): number {
    return this.held.size;
  }

  get(key: PeerKey): PeerBucket | undefined {
    return this.held.get(key)?.bucket;
  }

  /** To be given back by `release`. */
  async open(key: PeerKey, buckets: Buckets): Promise<PeerBucket> {
    const known = this.held.get(key);
    if (known !== undefined) {
      known.users += 1;
      known.bucket.apply(buckets);
      await known.opened;
      return known.bucket;
    }
    const held = this.add(key, buckets, this.withoutStore(buckets));
    const claim = this.claim(held, true);
    held.opened = this.deps.isReachable() ? claim : Promise.resolve();
    await held.opened;
    return held.bucket;
  }

  /**
   * A limit that came into being while the peer was registered, which begins with a full bucket; or (`isKept`) that of
   * a reservation from before, of which nothing can be taken until the store has told what is left.
   */
  begin(key: PeerKey, buckets: Buckets, isKept: boolean): PeerBucket {
    const known = this.held.get(key);
    if (known !== undefined) {
      known.users += 1;
      return known.bucket;
    }
    const held = this.add(key, buckets, isKept ? NOTHING : fullOf(buckets));
    if (isKept) held.opened = this.claim(held, true);
    else this.claimLater(held);
    return held.bucket;
  }

  release(key: PeerKey): void {
    const held = this.held.get(key);
    if (held === undefined) return;
    held.users -= 1;
    if (held.users > 0) return;
    this.held.delete(key);
    this.unclaimed.delete(held);
    // A claim that is under way goes first.
    this.track(held.opened.then(() => this.giveBack(held)));
  }

  /** Tells the store of what it could not be told before. */
  tick(now: number): void {
    for (const held of this.unclaimed) {
      if (!held.claiming && held.retryAt <= now) this.claimLater(held);
    }
  }

  /** Gives everything back. */
  async stop(): Promise<void> {
    const all = [...this.held.values()];
    this.held.clear();
    this.unclaimed.clear();
    for (const held of all) this.track(this.giveBack(held));
    await Promise.all(this.underWay);
  }

  private add(key: PeerKey, buckets: Buckets, level: Amounts): Held {
    const { node, clock, beat } = this.deps;
    this.holders += 1;
    const bucket = new PeerBucket(buckets, level, clock, beat);
    const holder = `${node}/${this.holders}`;
    const held = { key, holder, bucket, users: 1, claiming: false, retryAt: 0, opened: Promise.resolve() };
    this.held.set(key, held);
    return held;
  }

  private claimLater(held: Held): void {
    held.claiming = true;
    this.unclaimed.add(held);
    void this.inTurn(async () => {
      // Released meanwhile, it is nobody's.
      if (this.unclaimed.has(held)) await this.claim(held, false);
    });
  }

  /** @param adopt whether the bucket here becomes what the store has */
  private async claim(held: Held, adopt: boolean): Promise<void> {
    const { store, clock, onReply } = this.deps;
    held.claiming = true;
    this.unclaimed.add(held);
    const waited = this.deps.isReachable();
    const reply = await store.hold(held.key, held.holder, held.bucket.buckets);
    held.claiming = false;
    onReply(reply.kind === 'held');
    if (reply.kind === 'unavailable') {
      held.retryAt = clock.now() + RETRY_MS;
      return;
    }
    this.unclaimed.delete(held);
    if (adopt && waited) held.bucket.reset(reply.level);
  }

  private giveBack({ key, holder, bucket }: Held): Promise<void> {
    const { store, clock } = this.deps;
    return this.inTurn(async () => {
      if (clock.now() < this.awayUntil) return;
      const reply = await store.giveBack(key, holder, bucket.buckets, bucket.level());
      if (reply.kind === 'unavailable') this.awayUntil = clock.now() + RETRY_MS;
    });
  }

  private async inTurn(call: () => Promise<void>): Promise<void> {
    await new Promise<void>((proceed) => this.turnstile.enter(proceed));
    await call();
    this.turnstile.leave();
  }

  private track(promise: Promise<unknown>): void {
    this.underWay.add(promise);
    void promise.finally(() => this.underWay.delete(promise));
  }

  private withoutStore(buckets: Buckets): Amounts {
    const { away, nodes } = this.deps;
    const { messages, bytes } = fullOf(buckets);
    if (away === 'open') return { messages, bytes };
    const share = away === 'share' ? 1 / nodes() : 0;
    return { messages: messages * share, bytes: bytes * share };
  }
}

function fullOf({ messages, bytes }: Buckets): Amounts {
  return { messages: messages?.burst ?? 0, bytes: bytes?.burst ?? 0 };
}
