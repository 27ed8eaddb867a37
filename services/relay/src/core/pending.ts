import type { PeerKey } from './address.ts';

/** A sender's account of a message that has no receipt yet. */
export interface Pending {
  readonly to: PeerKey;
  readonly flags: number;
  readonly run: number;
  /** Milliseconds since 1970 at which it was sent. */
  readonly at: number;
  /** It went to another node, and counts there as unsettled on its recipient's route. */
  remote: boolean;
  /** The sender has its outcome, or has gone without waiting for it: another copy need not be carried on. */
  settled: boolean;
}
