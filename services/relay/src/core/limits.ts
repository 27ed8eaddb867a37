import type { RealmName } from '@causeway/protocol';
import type { PeerKey } from './address.ts';
import type { Buckets } from './policy.ts';
import type { ReservationLimits } from './ports.ts';

/** Which level refuses a message; 0: none, it may pass. */
export const PASSED = 0;
export const BY_PEER = 1;
export const BY_REALM = 2;
export const BY_CLUSTER = 3;
export type Verdict = typeof PASSED | typeof BY_PEER | typeof BY_REALM | typeof BY_CLUSTER;
export const SCOPES = ['node', 'peer', 'realm', 'cluster'] as const;

/** What one registered peer may send. Nothing here leaves the process. */
export interface SendAllowance {
  /** Takes a message of `bytes` from the buckets of all levels, or from none. */
  take(bytes: number): Verdict;
  /** Milliseconds after which the message refused last may pass. */
  readonly retryAfterMs: number;
  /** Goes on by other limits of the reservation: a renewed one keeps those of which its token says nothing now. */
  keep(own: ReservationLimits): void;
  /** The buckets of the peer, as they hold now; for WELCOME. */
  readonly buckets: Buckets;
  /** The peer's registration here has ended: what is left in its bucket goes with it. */
  close(): void;
}

/** A question of a relay that is not ours. */
export interface AllowQuestion {
  readonly realm: RealmName;
  readonly key: PeerKey;
  readonly messages: number;
  readonly bytes: number;
}
export type AllowReply =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly scope: 'peer' | 'realm' | 'cluster'; readonly retryAfterMs: number };
