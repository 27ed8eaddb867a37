/** For long: messages on one relay and across, to recipients that come and go; what they miss waits for them. */
import { numberOf, RUN, textOf, URLS, urlOf, VUS } from './lib/env.ts';
import { files } from './lib/files.ts';
import * as metrics from './lib/metrics.ts';
import { ALL_CARRIED, onceEach } from './lib/options.ts';
import type { Pair } from './lib/pair.ts';
import { now, Peer } from './lib/peer.ts';
import type { Data } from './lib/report.ts';
import { drive, finish, inBatches, pairsOf, sleep } from './lib/traffic.ts';

const MINUTES = numberOf('MINUTES', 30);
const PAIRS = numberOf('PAIRS', 20);
const RATE = numberOf('RATE', 100);
/** Seconds between two times that a recipient goes, and for how long it is away at most. */
const STAY = numberOf('STAY', 20);
const AWAY = numberOf('AWAY', 3);
const PAYLOAD = numberOf('PAYLOAD', 256);
/** Milliseconds. */
const P99 = numberOf('P99', 500);

const SECONDS = MINUTES * 60;

export const options = onceEach('soak', SECONDS, {
  ...ALL_CARRIED,
  receipt_latency: [`p(99)<${P99}`],
  delivery_latency: [`p(99)<${P99}`],
});

/** Goes from relay to relay until there is no time to come back; one that never was there comes and leaves each time. */
async function wander({ recipient }: Pair, index: number, until: number): Promise<void> {
  for (let round = 1; ; round++) {
    const stay = STAY * 1000 * (0.5 + Math.random());
    if (now() + stay + AWAY * 1000 > until) return;
    await sleep(stay);
    recipient.close();
    const guest = new Peer(urlOf(index + round), `${RUN}-guest-${recipient.id}-${round}`);
    await guest.open();
    await sleep(Math.random() * AWAY * 1000);
    guest.close();
    await recipient.open(urlOf(index + round));
  }
}

export default async function soak(): Promise<void> {
  metrics.touchAll();
  const pairs = pairsOf(PAIRS, URLS.length > 1 ? 'mixed' : 'same', PAYLOAD);
  await inBatches(pairs, (pair) => pair.open());
  const until = now() + SECONDS * 1000;
  const wandering = pairs.map((pair, index) => wander(pair, index, until));
  await drive(pairs, RATE / VUS, SECONDS);
  await Promise.all(wandering);
  await finish(pairs);
}

export function handleSummary(data: Data): Record<string, string> {
  const settings = { relays: URLS.length, MINUTES, PAIRS, RATE, STAY, AWAY, PAYLOAD };
  return files(data, { scenario: 'soak', settings }, textOf('OUT', ''));
}
