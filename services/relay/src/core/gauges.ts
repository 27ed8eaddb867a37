/** What there is at this moment; computed when asked. */
export interface Gauges {
  readonly connections: number;
  readonly registrations: number;
  /** Recipients that receive from their mailbox. */
  readonly catchingUp: number;
  readonly cachedRoutes: number;
  /** Frames that wait for their append or for the other node's acknowledgment, over all links. */
  readonly linkFrames: number;
  readonly linkBytes: number;
  /** Entries of this node's inbox that are read but not settled. */
  readonly inboxUnsettled: number;
  readonly watchedPeers: number;
  readonly sendsPending: number;
  /** Ends of tunnels, those that are asked for included. */
  readonly tunnelEnds: number;
  /** Bytes of tunnels that wait for a client or for another node. */
  readonly tunnelBytes: number;
}
