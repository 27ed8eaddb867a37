import type { NodeId } from '@causeway/protocol';

/** Rooms and tunnels; times in milliseconds, sizes in bytes. */
export interface TunnelSettings {
  /** Tunnels and open rooms of one connection together. */
  readonly perConnection: number;
  /** Of one direction, that may be under way. */
  readonly windowBytes: number;
  /** That one tunnel may carry, both directions together. */
  readonly maxBytes: number;
  readonly idleMs: number;
  readonly roomTtlMs: number;
  readonly maxRoomTtlMs: number;
  /** Where the policy has no cap. */
  readonly roomsPerRealm: number;
  /** Of all tunnels, that wait on this node. */
  readonly heldBytes: number;
  /** That wait in Redis for one node. */
  readonly streamBytes: number;
}

/** What the core needs to know of the configuration. Times in milliseconds, sizes in bytes. */
export interface Settings {
  readonly node: NodeId;
  readonly region: string;
  /** Public URL of this node for clients; empty when none is configured. */
  readonly url: string;
  readonly heartbeatMs: number;
  readonly helloTimeoutMs: number;
  readonly maxPayload: number;
  readonly sendWindow: number;
  /** Bytes of messages that this node's senders have under way together. */
  readonly messageBytes: number;
  readonly deliveryWindow: number;
  readonly deliveryWindowBytes: number;
  readonly ackTimeoutMs: number;
  readonly outcomeTimeoutMs: number;
  readonly reservationTtlMs: number;
  readonly mailboxMessages: number;
  readonly mailboxBytes: number;
  readonly mailboxTtlMs: number;
  readonly realmMailboxBytes: number;
  readonly nodeLeaseMs: number;
  /** What holds for the limits of realms and of the cluster while the store is away. */
  readonly limitsAway: 'share' | 'open' | 'closed';
  /** Whether usage is kept for each peer, too. */
  readonly usagePerPeer: boolean;
  readonly usageFlushMs: number;
  readonly usageKeepMs: number;
  /** Whether connections that this node has too many are sent to others by command only, or also by itself. */
  readonly rebalance: 'manual' | 'auto';
  /** Bytes that wait for one other node in this node's memory. */
  readonly linkBytes: number;
  /** Bytes of unsettled entries in a node's inbox. */
  readonly inboxBytes: number;
  readonly maxWatched: number;
  readonly tunnels: TunnelSettings;
  /** Random bytes as lower-case hex; from the platform's secure source. */
  readonly randomHex: (bytes: number) => string;
  readonly sha256Hex: (bytes: Uint8Array) => string;
}
