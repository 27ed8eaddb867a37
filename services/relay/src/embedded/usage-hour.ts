import type { NodeId, RealmName } from '@causeway/protocol';
import type { Amounts } from '../core/usage-account.ts';

/** A realm's amounts of one hour. */
export interface UsageHour {
  readonly realm: RealmName;
  readonly hour: number;
  readonly total: Amounts;
  readonly peers: Map<string, Amounts>;
  /** Of each node, the last sequence that was added. */
  readonly sequences: Map<NodeId, number>;
  keepUntil: number;
}
