/** Bounds of an exponential backoff, in milliseconds. */
export interface BackoffBounds {
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * Exponential backoff with full jitter: uniform between 0 and a ceiling that doubles with each failure from `minMs` to
 * `maxMs`, so that clients that lost their relay together do not come back together
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 * @param failures how many came before in a row
 * @param random uniform in [0, 1)
 * @returns milliseconds
 */
export function backoffMs(bounds: BackoffBounds, failures: number, random: () => number): number {
  return Math.round(random() * Math.min(bounds.maxMs, bounds.minMs * 2 ** failures));
}
