/** What the runner asks of the generator process, and what comes back, over Node's IPC channel. */

export type WireName = 'bare' | 'causeway' | 'socketio';

/**
 * Closed: each pair keeps `window` messages undelivered. Open: `perSecond` messages over all pairs at fixed times,
 * whatever the system does; latency then counts from the intended time.
 */
export type Load =
  | { readonly kind: 'closed'; readonly window: number }
  | { readonly kind: 'open'; readonly perSecond: number };

export interface LoadJob {
  readonly type: 'load';
  readonly wire: WireName;
  /** Unique for each job of a system, so that no job meets peers of another. */
  readonly label: string;
  readonly senderPort: number;
  readonly receiverPort: number;
  readonly pairs: number;
  readonly payloadBytes: number;
  readonly load: Load;
  readonly warmupMs: number;
  readonly measureMs: number;
}

/** Registers `connections` peers and keeps them, silent, until a `release`. */
export interface IdleJob {
  readonly type: 'idle';
  readonly wire: WireName;
  readonly label: string;
  readonly port: number;
  readonly connections: number;
}

/** Bytes as fast as they go, from one connection to another: through a tunnel, or sent back by an echo. */
export interface BulkJob {
  readonly type: 'bulk';
  readonly wire: 'tunnel' | 'echo';
  readonly label: string;
  readonly senderPort: number;
  readonly receiverPort: number;
  readonly chunkBytes: number;
  readonly warmupMs: number;
  readonly measureMs: number;
}

export interface BulkResult {
  /** That arrived. */
  readonly bytesPerSecond: number;
}

/** `sampled` answers `close`: until then the generator changes nothing, not even its threads. */
export type ToGenerator = LoadJob | IdleJob | BulkJob | { readonly type: 'release' } | { readonly type: 'sampled' };

export interface LoadResult {
  /** Delivered inside the measured window, and the window's length. */
  readonly messages: number;
  readonly windowMs: number;
  /** Microseconds. */
  readonly p50: number | null;
  readonly p99: number | null;
  /** How late the generator itself sent, 99th percentile in microseconds; null in a closed loop. */
  readonly latenessP99: number | null;
  /** Over the whole job, warm-up included, after a grace period. */
  readonly sent: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  /** Null where the wire has no receipts. */
  readonly receipts: ReceiptCounts | null;
}

export interface ReceiptCounts {
  readonly good: number;
  readonly refused: number;
  readonly duplicates: number;
  readonly missing: number;
}

/** `open` and `close` bound the measured window. */
export type FromGenerator =
  | { readonly type: 'open' }
  | { readonly type: 'close' }
  | { readonly type: 'held' }
  | { readonly type: 'moved'; readonly result: BulkResult }
  | { readonly type: 'done'; readonly result: LoadResult | null }
  | { readonly type: 'failed'; readonly reason: string };
