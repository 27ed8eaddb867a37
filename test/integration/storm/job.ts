/** What the process that holds the peers is told, and answers. */
export interface StormJob {
  readonly type: 'start';
  readonly peers: number;
  /** Of the relay that will be killed, then those that the peers go on to. */
  readonly urls: readonly string[];
  /** Every so many-th peer acknowledges nothing on its first connection, so that what it is sent is stored. */
  readonly silentEvery: number;
  readonly backoff: { readonly minMs: number; readonly maxMs: number };
}

export type ToPeers = StormJob | { readonly type: 'status' } | { readonly type: 'report' };

/** How many peers are registered now, and how many have registered again. */
export interface StormStatus {
  readonly type: 'status';
  readonly registered: number;
  readonly again: number;
  /** Different messages that have been shown. */
  readonly shown: number;
}

/** One peer's storm; all times are milliseconds since 1970. */
export interface PeerReport {
  readonly peer: string;
  /** When it first tried to connect after its connection was lost. */
  readonly triedAt: number;
  readonly welcomedAt: number;
  /** Payloads in the order in which they were first shown on a connection after the loss. */
  readonly after: readonly (readonly [payload: string, at: number])[];
  /** Payloads in the order in which they were first shown at all. */
  readonly shown: readonly string[];
}

export type FromPeers = StormStatus | { readonly type: 'report'; readonly peers: readonly PeerReport[] };

export const stormPeer = (index: number): string => `storm-${index}`;
