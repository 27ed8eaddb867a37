/** Peers that send more than they may: as much passes as the limit says, and in order; the rest is refused with a word. */
import { numberOf, textOf, URLS } from './lib/env.ts';
import { files } from './lib/files.ts';
import { limitPeers, restore, type Saved } from './lib/limit.ts';
import * as metrics from './lib/metrics.ts';
import { onceEach, PROMISES } from './lib/options.ts';
import type { Data } from './lib/report.ts';
import { drive, finish, inBatches, pairsOf } from './lib/traffic.ts';

const PAIRS = numberOf('PAIRS', 10);
/** Messages a second that each peer may send; the burst is as much. */
const LIMIT = numberOf('LIMIT', 10);
/** Times the limit that each peer sends. */
const TIMES = numberOf('TIMES', 3);
const SECONDS = numberOf('SECONDS', 20);
const PAYLOAD = numberOf('PAYLOAD', 256);
/** Of what may pass; above it, no message may. */
const LEAST = 0.8;
const MOST = 1.05;

/** With the burst. */
const ALLOWED = PAIRS * LIMIT * (SECONDS + 1);

export const options = onceEach('limits', SECONDS, {
  ...PROMISES,
  'messages_receipts{status:rate_limited}': ['count>0'],
  'messages_receipts{status:overloaded}': ['count==0'],
  'messages_receipts{status:unavailable}': ['count==0'],
  messages_delivered: [`count>=${Math.floor(LEAST * ALLOWED)}`, `count<=${Math.ceil(MOST * ALLOWED)}`],
  receipt_latency: ['p(99)<1000'],
});

export function setup(): Saved | null {
  return limitPeers(LIMIT);
}

export default async function limits(): Promise<void> {
  metrics.touchAll();
  const pairs = pairsOf(PAIRS, URLS.length > 1 ? 'mixed' : 'same', PAYLOAD);
  await inBatches(pairs, (pair) => pair.open());
  await drive(pairs, pairs.length * LIMIT * TIMES, SECONDS);
  await finish(pairs);
}

export function teardown(saved: Saved | null): void {
  if (saved !== null) restore(saved);
}

export function handleSummary(data: Data): Record<string, string> {
  const settings = { relays: URLS.length, PAIRS, LIMIT, TIMES, SECONDS, PAYLOAD, ALLOWED };
  return files(data, { scenario: 'limits', settings }, textOf('OUT', ''));
}
