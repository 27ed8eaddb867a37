/** Messages for peers that are away, as fast as they are stored; then all of these peers come, and drain their mailboxes. */
import { Trend } from 'k6/metrics';
import { numberOf, RUN, textOf, URLS, urlOf, VUS } from './lib/env.ts';
import { files } from './lib/files.ts';
import * as metrics from './lib/metrics.ts';
import { ALL_CARRIED, onceEach } from './lib/options.ts';
import { current, Pair } from './lib/pair.ts';
import { now } from './lib/peer.ts';
import type { Data } from './lib/report.ts';
import { drive, finish, inBatches, share, sleep } from './lib/traffic.ts';

const RECIPIENTS = numberOf('RECIPIENTS', 50);
/** For each; a mailbox has 1000 by default. */
const STORED = numberOf('STORED', 200);
/** Messages a second that are stored. */
const RATE = numberOf('RATE', 500);
const PAYLOAD = numberOf('PAYLOAD', 256);
/** Milliseconds. */
const DRAIN_P99 = numberOf('DRAIN_P99', 10_000);
const POLL_MS = 5;

/** From the first packet of a peer that comes back until it has all that waited for it. */
const drainTime = new Trend('drain_time', true);

const TOTAL = RECIPIENTS * STORED;

export const options = onceEach('offline', TOTAL / RATE, {
  ...ALL_CARRIED,
  'messages_receipts{status:queued}': [`count==${TOTAL}`],
  messages_delivered: [`count==${TOTAL}`],
  'receipt_latency{phase:store}': ['p(99)<1000'],
  drain_time: [`p(99)<${DRAIN_P99}`],
});

async function drain(pair: Pair): Promise<void> {
  const began = now();
  if ((await pair.recipient.open()) === null) return;
  while (pair.recipient.isOpen && !pair.account.isSettled) await sleep(POLL_MS);
  drainTime.add(now() - began);
}

export default async function offline(): Promise<void> {
  metrics.touchAll();
  current.phase = 'store';
  // Sender and recipient on two relays, where there are two: a mailbox belongs to none.
  const pairs = share(RECIPIENTS).map(
    (index) => new Pair(`${RUN}-offline-${index}`, [urlOf(index), urlOf(index + 1)], PAYLOAD),
  );
  await inBatches(pairs, (pair) => pair.openSender());
  await drive(pairs, RATE / VUS, TOTAL / RATE);
  const stored = now();
  while (now() - stored < 10_000 && pairs.some(({ account }) => account.totals.unanswered > 0)) await sleep(POLL_MS);
  current.phase = 'drain';
  await Promise.all(pairs.map(drain));
  await finish(pairs);
}

export function handleSummary(data: Data): Record<string, string> {
  const settings = { relays: URLS.length, RECIPIENTS, STORED, RATE, PAYLOAD };
  return files(data, { scenario: 'offline', settings }, textOf('OUT', ''));
}
