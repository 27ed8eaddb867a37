/** Many peers lose their connection at once and come back, while others go on talking. */
import { Trend } from 'k6/metrics';
import { numberOf, RUN, textOf, URLS, urlOf, VUS } from './lib/env.ts';
import { files } from './lib/files.ts';
import * as metrics from './lib/metrics.ts';
import { ALL_CARRIED, onceEach } from './lib/options.ts';
import { current, type Pair } from './lib/pair.ts';
import { now, Peer } from './lib/peer.ts';
import type { Data } from './lib/report.ts';
import { drive, finish, inBatches, pairsOf, share, sleep } from './lib/traffic.ts';

/** That have nothing to do but to come back. */
const IDLE = numberOf('IDLE', 500);
/** Recipients of running traffic that come back, and as many that stay. */
const PAIRS = numberOf('PAIRS', 10);
const RATE = numberOf('RATE', 100);
/** Seconds of traffic before and after. */
const QUIET = numberOf('QUIET', 10);
/** Peers try after a random time up to this, milliseconds. */
const SPREAD = numberOf('SPREAD', 1000);
const PAYLOAD = numberOf('PAYLOAD', 256);
/** Milliseconds. */
const RECONNECT_P99 = numberOf('RECONNECT_P99', 5000);
const STORM_P99 = numberOf('STORM_P99', 1000);

/** From the loss of the connection to the WELCOME of the next. */
const reconnectTime = new Trend('reconnect_time', true);

export const options = onceEach('storm', 2 * QUIET, {
  ...ALL_CARRIED,
  connections_opened: [`count==${2 * IDLE + 5 * PAIRS}`],
  reconnect_time: [`p(99)<${RECONNECT_P99}`],
  'receipt_latency{phase:quiet}': ['p(99)<500'],
  'delivery_latency{phase:storm}': [`p(99)<${STORM_P99}`],
});

/** To the relay behind the present one in the list, as a balancer might send it. */
async function comeBack(peer: Peer, index: number): Promise<void> {
  const lost = now();
  peer.close();
  await sleep(Math.random() * SPREAD);
  await peer.open(urlOf(index + 1));
  reconnectTime.add(now() - lost);
}

async function breakAll(idle: readonly Peer[], moving: readonly Pair[]): Promise<void> {
  const peers = [...idle, ...moving.map(({ recipient }) => recipient)];
  await Promise.all(peers.map(comeBack));
}

export default async function storm(): Promise<void> {
  metrics.touchAll();
  const idle = share(IDLE).map((index) => new Peer(urlOf(index), `${RUN}-idle-${index}`));
  const moving = pairsOf(PAIRS, 'mixed', PAYLOAD, 'moving');
  const staying = pairsOf(PAIRS, 'mixed', PAYLOAD, 'staying');
  await inBatches([...idle, ...moving, ...staying], (one) => one.open());
  current.phase = 'quiet';
  await drive([...moving, ...staying], RATE / VUS, QUIET);
  current.phase = 'storm';
  await Promise.all([breakAll(idle, moving), drive([...moving, ...staying], RATE / VUS, QUIET)]);
  await finish([...moving, ...staying]);
  for (const peer of idle) peer.close();
}

export function handleSummary(data: Data): Record<string, string> {
  const settings = { relays: URLS.length, IDLE, PAIRS, RATE, QUIET, SPREAD, PAYLOAD };
  return files(data, { scenario: 'storm', settings }, textOf('OUT', ''));
}
