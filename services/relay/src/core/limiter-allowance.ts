import type { PeerKey } from './address.ts';
import { hint, Member } from './bucket-member.ts';
import type { PeerBucket } from './bucket-peer.ts';
import type { Scope } from './bucket-scope.ts';
import { BY_CLUSTER, BY_PEER, BY_REALM, PASSED, type SendAllowance, type Verdict } from './limits.ts';
import { type Buckets, NO_LIMITS } from './policy.ts';
import type { ReservationLimits } from './ports.ts';

export interface AllowanceOwner {
  /** The peer goes on by other limits of its own. */
  changed(allowance: PeerAllowance): void;
  closed(allowance: PeerAllowance): void;
}

/** The three levels of one registered peer. */
export class PeerAllowance implements SendAllowance {
  readonly key: PeerKey;
  own: ReservationLimits;
  peer: PeerBucket | null = null;
  realm: Scope | null = null;
  cluster: Scope | null = null;
  retryAfterMs = 0;
  /** Messages that the peer's own bucket refused. */
  refused = 0;
  private readonly inRealm = new Member();
  private readonly inCluster = new Member();
  private readonly owner: AllowanceOwner;
  private isOpen = true;

  constructor(key: PeerKey, own: ReservationLimits, owner: AllowanceOwner) {
    this.key = key;
    this.own = own;
    this.owner = owner;
  }

  get buckets(): Buckets {
    return this.peer?.buckets ?? NO_LIMITS;
  }

  take(bytes: number): Verdict {
    const { peer, realm, cluster } = this;
    if (peer !== null && !peer.covers(1, bytes)) {
      this.refused += 1;
      this.retryAfterMs = hint(peer.waitMs(1, bytes));
      return BY_PEER;
    }
    if (realm !== null && !realm.covers(this.inRealm, 1, bytes)) {
      this.retryAfterMs = hint(realm.refuse(this.inRealm, 1, bytes));
      return BY_REALM;
    }
    if (cluster !== null && !cluster.covers(this.inCluster, 1, bytes)) {
      this.retryAfterMs = hint(cluster.refuse(this.inCluster, 1, bytes));
      return BY_CLUSTER;
    }
    if (peer !== null) peer.take(1, bytes);
    if (realm !== null) realm.take(this.inRealm, 1, bytes);
    if (cluster !== null) cluster.take(this.inCluster, 1, bytes);
    return PASSED;
  }

  keep(own: ReservationLimits): void {
    this.own = own;
    if (this.isOpen) this.owner.changed(this);
  }

  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.owner.closed(this);
  }
}
