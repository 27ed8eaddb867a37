import type { NodeId, RealmName } from '@causeway/protocol';
import type { PeerKey } from '../core/address.ts';
import type { ConsistencyReport } from '../core/consistency.ts';
import type { Gauges } from '../core/counters.ts';
import type { WindowState } from '../core/inspection-ports.ts';
import type { AllowQuestion, AllowReply } from '../core/limits.ts';
import type { NodeRecord, Removed } from '../core/ports.ts';
import type { RebalanceReply } from '../core/rebalance.ts';

/** What operators may have the relay of this process do. */
export interface RelayControls {
  readonly node: NodeId;
  /** Open connections. */
  readonly connections: number;
  /** Everything that is known of the cluster's nodes, this one included; as old as the last renewal of its lease. */
  nodes(): readonly NodeRecord[];
  gauges(): Gauges;
  /** True when a probe through the node's own inbox came back within `ms`. */
  echo(ms: number): Promise<boolean>;
  /** Sends all clients away, settles everything and ends the process. Repeated calls change nothing. */
  drain(): void;
  /** @param limit of clients to send away */
  rebalance(limit: number | undefined): RebalanceReply | { readonly kind: 'draining' };
  checkConsistency(): Promise<ConsistencyReport>;
  /** Closes the connection of a peer that is registered here, with 4403. False: it is not. */
  disconnect(key: PeerKey, reason: string): boolean;
  /** Null: the peer is not registered here. */
  window(key: PeerKey): WindowState | null;
  /** Mailbox entries were removed that nobody has acknowledged: counts them, and books them off the realm's account. */
  purged(realm: RealmName, removed: readonly Removed[]): void;
  allow(question: AllowQuestion): Promise<AllowReply>;
}
