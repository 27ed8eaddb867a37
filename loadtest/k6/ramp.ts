/** Connections: more and more at an even pace, then all of them for a while. */

import { numberOf, RUN, textOf, URLS, urlOf } from './lib/env.ts';
import { files } from './lib/files.ts';
import * as metrics from './lib/metrics.ts';
import { onceEach, PROMISES } from './lib/options.ts';
import { now, Peer } from './lib/peer.ts';
import type { Data } from './lib/report.ts';
import { share, sleep } from './lib/traffic.ts';

const CONNECTIONS = numberOf('CONNECTIONS', 2000);
const RAMP = numberOf('RAMP', 20);
const HOLD = numberOf('HOLD', 10);

export const options = onceEach('ramp', RAMP + HOLD, {
  ...PROMISES,
  connections_opened: [`count==${CONNECTIONS}`],
  registration_latency: ['p(99)<1000'],
});

export default async function ramp(): Promise<void> {
  metrics.touchAll();
  const began = now();
  const peers: Peer[] = [];
  const opening: Promise<unknown>[] = [];
  for (const index of share(CONNECTIONS)) {
    await sleep(began + (index * RAMP * 1000) / CONNECTIONS - now());
    const peer = new Peer(urlOf(index), `${RUN}-ramp-${index}`);
    peers.push(peer);
    opening.push(peer.open());
  }
  await Promise.all(opening);
  await sleep(began + (RAMP + HOLD) * 1000 - now());
  for (const peer of peers) peer.close();
}

export function handleSummary(data: Data): Record<string, string> {
  const settings = { relays: URLS.length, CONNECTIONS, RAMP, HOLD };
  return files(data, { scenario: 'ramp', settings }, textOf('OUT', ''));
}
