import type { RealmName } from '@causeway/protocol';
import type { PeerKey } from './address.ts';
import { hint, Member } from './bucket-member.ts';
import type { PeerBucket } from './bucket-peer.ts';
import { Scope, type ScopeDeps } from './bucket-scope.ts';
import type { AllowQuestion, AllowReply } from './limits.ts';
import type { Policy } from './policy.ts';

/** Ticks for which a peer's part in its realm is remembered. */
const FORGET_TICKS = 40;

export interface ForeignPeersDeps {
  readonly scopeDeps: ScopeDeps;
  readonly policy: () => Policy;
  /** The bucket of a peer that is registered on this node. */
  readonly held: (key: PeerKey) => PeerBucket | undefined;
  readonly realm: (realm: RealmName) => Scope | null;
  readonly cluster: () => Scope | null;
}

/** A peer whose relay is not ours. Its bucket is leased like a realm's, as it may be at several relays at once. */
interface ForeignPeer {
  /** Null: it has no limit of its own. */
  own: Scope | null;
  readonly inOwn: Member;
  readonly inRealm: Member;
  readonly inCluster: Member;
  usedTick: number;
}

type Level = 'peer' | 'realm' | 'cluster';

/** What relays that are not ours ask about. */
export class ForeignPeers {
  private readonly deps: ForeignPeersDeps;
  private readonly peers = new Map<PeerKey, ForeignPeer>();

  constructor(deps: ForeignPeersDeps) {
    this.deps = deps;
  }

  get size(): number {
    return this.peers.size;
  }

  async allow(question: AllowQuestion): Promise<AllowReply> {
    const peer = this.peer(question.key);
    const first = this.decide(peer, question, false);
    if (first.allowed) return first;
    const { messages, bytes } = question;
    await Promise.all(this.scopesOf(peer, question).map(([, scope]) => scope.refresh(messages, bytes)));
    return this.decide(peer, question, true);
  }

  applyPolicy(): void {
    const policy = this.deps.policy();
    for (const [key, peer] of this.peers) {
      if (peer.own === null) peer.own = this.scope(key);
      else peer.own.apply(policy.peer(key, {}), policy.version);
    }
  }

  sweep(now: number): void {
    const { tick } = this.deps.scopeDeps.beat;
    for (const [key, { own, usedTick }] of this.peers) {
      if (tick - usedTick > FORGET_TICKS && (own === null || own.isForgettable(now))) this.peers.delete(key);
    }
  }

  private decide(peer: ForeignPeer, question: AllowQuestion, final: boolean): AllowReply {
    const { key, messages, bytes } = question;
    const held = this.deps.held(key);
    if (held !== undefined && !held.covers(messages, bytes)) return refusal('peer', held.waitMs(messages, bytes));
    const scopes = this.scopesOf(peer, question);
    for (const [level, scope, member] of scopes) {
      if (scope.covers(member, messages, bytes)) continue;
      return refusal(level, final ? scope.refuse(member, messages, bytes) : 0);
    }
    held?.take(messages, bytes);
    for (const [, scope, member] of scopes) scope.take(member, messages, bytes);
    return { allowed: true };
  }

  private scopesOf(peer: ForeignPeer, { realm, key }: AllowQuestion): (readonly [Level, Scope, Member])[] {
    const inRealm = this.deps.realm(realm);
    const cluster = this.deps.cluster();
    const scopes: (readonly [Level, Scope, Member])[] = [];
    if (peer.own !== null && this.deps.held(key) === undefined) scopes.push(['peer', peer.own, peer.inOwn]);
    if (inRealm !== null) scopes.push(['realm', inRealm, peer.inRealm]);
    if (cluster !== null) scopes.push(['cluster', cluster, peer.inCluster]);
    return scopes;
  }

  private peer(key: PeerKey): ForeignPeer {
    let peer = this.peers.get(key);
    const usedTick = this.deps.scopeDeps.beat.tick;
    if (peer === undefined) {
      peer = { own: this.scope(key), inOwn: new Member(), inRealm: new Member(), inCluster: new Member(), usedTick };
      this.peers.set(key, peer);
    }
    peer.usedTick = usedTick;
    return peer;
  }

  private scope(key: PeerKey): Scope | null {
    const policy = this.deps.policy();
    const buckets = policy.peer(key, {});
    if (buckets.messages === null && buckets.bytes === null) return null;
    const scope = new Scope({ kind: 'peer', key }, this.deps.scopeDeps);
    scope.apply(buckets, policy.version);
    return scope;
  }
}

function refusal(scope: Level, waitMs: number): AllowReply {
  return { allowed: false, scope, retryAfterMs: hint(waitMs) };
}
