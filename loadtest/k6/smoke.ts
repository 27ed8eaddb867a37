/** Does everything work? A little of each, on each relay and between each two neighbours, in some seconds. */

import { numberOf, RUN, textOf, URLS, urlOf } from './lib/env.ts';
import { files } from './lib/files.ts';
import * as metrics from './lib/metrics.ts';
import { ALL_CARRIED, onceEach } from './lib/options.ts';
import { Pair } from './lib/pair.ts';
import { now } from './lib/peer.ts';
import type { Data } from './lib/report.ts';
import { drive, finish, inBatches, pairsOf, share } from './lib/traffic.ts';

const SECONDS = numberOf('SECONDS', 5);
const RATE = numberOf('RATE', 50);
const STORED = numberOf('STORED', 20);
const PAYLOAD = numberOf('PAYLOAD', 256);

export const options = onceEach('smoke', SECONDS, {
  ...ALL_CARRIED,
  receipt_latency: ['p(99)<2000'],
  registration_latency: ['p(99)<5000'],
});

/** One recipient of this VU is away while it is written to, and comes then. */
async function store(): Promise<Pair[]> {
  const away = share(URLS.length).map(
    (index) => new Pair(`${RUN}-away-${index}`, [urlOf(index), urlOf(index + 1)], PAYLOAD),
  );
  await inBatches(away, (pair) => pair.openSender());
  for (const pair of away) for (let sent = 0; sent < STORED; sent++) pair.send(now());
  metrics.sent.add(away.length * STORED);
  return away;
}

export default async function smoke(): Promise<void> {
  metrics.touchAll();
  const away = await store();
  const pairs = [
    ...pairsOf(URLS.length, 'same', PAYLOAD, 'same'),
    ...(URLS.length > 1 ? pairsOf(URLS.length, 'cross', PAYLOAD, 'cross') : []),
  ];
  await inBatches(pairs, (pair) => pair.open());
  await drive(pairs, (RATE * pairs.length) / (2 * URLS.length), SECONDS);
  await inBatches(away, (pair) => pair.recipient.open());
  await finish([...pairs, ...away]);
}

export function handleSummary(data: Data): Record<string, string> {
  const settings = { relays: URLS.length, RATE, SECONDS, STORED, PAYLOAD };
  return files(data, { scenario: 'smoke', settings }, textOf('OUT', ''));
}
