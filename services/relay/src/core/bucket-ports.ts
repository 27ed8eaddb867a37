/** The port of the token buckets that all nodes share (see ports.ts for the rest). */
import type { NodeId, RealmName } from '@causeway/protocol';
import type { PeerKey } from './address.ts';
import type { Unavailable } from './node-ports.ts';
import type { Buckets } from './policy.ts';

/** Whose bucket it is. */
export type BucketScope =
  | { readonly kind: 'cluster' }
  | { readonly kind: 'realm'; readonly realm: RealmName }
  | { readonly kind: 'peer'; readonly key: PeerKey };

/** Tokens; of a unit that has no limit always 0. Fractions are tokens, too. */
export interface Amounts {
  readonly messages: number;
  readonly bytes: number;
}

export interface LeaseRequest {
  readonly scope: BucketScope;
  readonly node: NodeId;
  /** Grows with each request of the node for the scope; a repeated one gets the first answer and changes nothing. */
  readonly sequence: number;
  /** Of the policy that `buckets` are of: those of the highest version by which anybody asked of late hold. */
  readonly version: number;
  readonly buckets: Buckets;
  /** Tokens that come back unused; below 0: tokens that the node has used without having them. */
  readonly give: Amounts;
  /** So many the node could use now. What it does not get is kept for it from what accrues, in fair shares. */
  readonly want: Amounts;
  /** For how many peers it asks: its part of what does not suffice for all. */
  readonly weight: number;
  /** It asks again within this time, or what was kept for it goes to the others. */
  readonly keepMs: number;
}

export interface Leased {
  readonly kind: 'leased';
  /** Taken out of the bucket, for the node to use. */
  readonly granted: Amounts;
  /** What is left for everybody; below 0 when nodes have used more than there was. */
  readonly level: Amounts;
  /** What the node has to pay before it gets more: at or below 0. */
  readonly owed: Amounts;
  /** Of all nodes that wait for more of it at the time. */
  readonly weights: number;
}

/**
 * Token buckets on the store's clock. A bucket that nobody has used is full. Nodes take tokens out before they use them,
 * so that all of them together never use more than accrues.
 */
export interface BucketStore {
  lease(request: LeaseRequest): Promise<Leased | Unavailable>;
  /**
   * Takes all that is in a peer's bucket, which does not fill from then on: `holder` fills it. One that another holder
   * has not given back is empty. A repeated call gets the first answer.
   * @param holder names one registration; never used twice
   */
  hold(key: PeerKey, holder: string, buckets: Buckets): Promise<{ kind: 'held'; level: Amounts } | Unavailable>;
  /** What the holder has left. Ignored when the bucket is another's by now. */
  giveBack(
    key: PeerKey,
    holder: string,
    buckets: Buckets,
    level: Amounts,
  ): Promise<{ kind: 'given_back' } | { kind: 'not_held' } | Unavailable>;
}
