/** Messages at a fixed rate, whatever comes back; sender and recipient on one relay, on two, or half and half. */

import { numberOf, oneOf, textOf, URLS, VUS } from './lib/env.ts';
import { files } from './lib/files.ts';
import * as metrics from './lib/metrics.ts';
import { ALL_CARRIED, onceEach } from './lib/options.ts';
import { current } from './lib/pair.ts';
import type { Data } from './lib/report.ts';
import { drive, finish, inBatches, needRelays, pairsOf } from './lib/traffic.ts';

const PLACE = oneOf('PLACE', ['same', 'cross', 'mixed']);
const RATE = numberOf('RATE', 300);
const PAIRS = numberOf('PAIRS', 50);
const SECONDS = numberOf('SECONDS', 30);
const WARMUP = numberOf('WARMUP', 3);
const PAYLOAD = numberOf('PAYLOAD', 256);
/** Milliseconds. */
const P99 = numberOf('P99', 100);

needRelays(PLACE);

export const options = onceEach('steady', WARMUP + SECONDS, {
  ...ALL_CARRIED,
  'receipt_latency{phase:load}': [`p(99)<${P99}`],
  'delivery_latency{phase:load}': [`p(99)<${P99}`],
});

export default async function steady(): Promise<void> {
  metrics.touchAll();
  const pairs = pairsOf(PAIRS, PLACE, PAYLOAD);
  await inBatches(pairs, (pair) => pair.open());
  current.phase = 'warmup';
  await drive(pairs, RATE / VUS, WARMUP);
  current.phase = 'load';
  await drive(pairs, RATE / VUS, SECONDS);
  await finish(pairs);
}

export function handleSummary(data: Data): Record<string, string> {
  const settings = { relays: URLS.length, PLACE, RATE, PAIRS, SECONDS, PAYLOAD };
  return files(data, { scenario: `steady ${PLACE}`, settings }, textOf('OUT', ''));
}
