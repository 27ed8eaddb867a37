import type { PeerKey } from './address.ts';
import type { Span } from './tracer.ts';

/** A sender's account of a message that has no receipt yet. */
export interface Pending {
  readonly to: PeerKey;
  readonly flags: number;
  readonly run: number;
  /** As in Message. */
  readonly order: number;
  /** Milliseconds since 1970 at which it was sent. */
  readonly at: number;
  /** What it counts for in the node's Load. */
  readonly bytes: number;
  /** Number of the way on which it went to another node (see Route); 0 while it is on this one. */
  path: number;
  /** The sender has its outcome, or has gone without waiting for it: another copy need not be carried on. */
  settled: boolean;
  /** From the SEND to the outcome; null where it is not traced. */
  readonly span: Span | null;
}
