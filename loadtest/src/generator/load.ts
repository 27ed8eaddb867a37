import { setTimeout as sleep } from 'node:timers/promises';
import { ACK_EVERY_MS } from '@causeway/protocol';
import { Connection } from './connection.ts';
import { driveClosed, driveOpen } from './drive.ts';
import { Histogram } from './histogram.ts';
import type { LoadJob, LoadResult, ReceiptCounts } from './job.ts';
import { Pair, type Tally } from './pair.ts';
import { wires } from './wires/index.ts';
import type { Receiver, Wire } from './wires/wire.ts';

/** How long what was sent may take to arrive, and its receipt, after the load has ended. */
const GRACE_MS = 5000;
const GRACE_STEP_MS = 20;

/** The edges of the measured window, told to whoever samples the servers. */
export interface Window {
  open(): void;
  /** Resolves when the samples have been taken. */
  close(): Promise<void>;
}

/**
 * Runs one job from the first connection to the last.
 *
 * @throws Error when a connection fails or the server breaks its protocol
 */
export async function runLoad(job: LoadJob, window: Window): Promise<LoadResult> {
  const wire = wires[job.wire];
  const tally: Tally = { measuring: false, messages: 0, latency: new Histogram(), lateness: new Histogram() };
  const { pairs, senders, receivers } = await connectPairs(job, wire, tally);
  const connections = [...senders, ...receivers];
  const failure = new Promise<never>((_resolve, reject) => {
    for (const connection of connections) connection.onFailure = reject;
  });
  const endpoints = pairs.flatMap((pair, index) =>
    [senders[index], receivers[index]].map((connection) => wire.receive(connection as Connection, pair)),
  );
  const acknowledging = setInterval(() => acknowledgeAll(endpoints), ACK_EVERY_MS);
  try {
    return await Promise.race([failure, measure(job, pairs, receivers, tally, window, wire.receipts)]);
  } finally {
    clearInterval(acknowledging);
    await Promise.all(connections.map((connection) => connection.close()));
  }
}

async function measure(
  job: LoadJob,
  pairs: readonly Pair[],
  receivers: readonly Connection[],
  tally: Tally,
  window: Window,
  receipts: boolean,
): Promise<LoadResult> {
  const { load } = job;
  const driver =
    load.kind === 'closed' ? driveClosed(pairs, receivers, load.window) : driveOpen(pairs, load.perSecond, tally);
  await sleep(job.warmupMs);
  window.open();
  const openedAt = performance.now();
  tally.measuring = true;
  await sleep(job.measureMs);
  tally.measuring = false;
  const windowMs = performance.now() - openedAt;
  await window.close();
  await driver.stop();
  await settle(pairs, receipts);
  return {
    messages: tally.messages,
    windowMs,
    p50: microseconds(tally.latency.quantile(0.5)),
    p99: microseconds(tally.latency.quantile(0.99)),
    latenessP99: microseconds(tally.lateness.quantile(0.99)),
    sent: sum(pairs, (pair) => pair.sent),
    lost: sum(pairs, (pair) => pair.undelivered),
    duplicates: sum(pairs, (pair) => pair.deliveries.duplicates),
    outOfOrder: sum(pairs, (pair) => pair.deliveries.outOfOrder),
    receipts: receipts ? countReceipts(pairs) : null,
  };
}

async function connectPairs(job: LoadJob, wire: Wire, tally: Tally) {
  const receivers: Connection[] = [];
  const senders: Connection[] = [];
  const pairs: Pair[] = [];
  for (let index = 0; index < job.pairs; index++) {
    const to = `${job.label}-to-${index}`;
    const receiver = await Connection.open(job.receiverPort, wire.path, wire.subprotocol);
    await wire.register(receiver, to);
    const sender = await Connection.open(job.senderPort, wire.path, wire.subprotocol);
    await wire.register(sender, `${job.label}-from-${index}`);
    receivers.push(receiver);
    senders.push(sender);
    pairs.push(new Pair(index, sender, wire, to, job.payloadBytes, tally));
  }
  return { pairs, senders, receivers };
}

/** Waits until everything has arrived, or the grace period is over. */
async function settle(pairs: readonly Pair[], receipts: boolean): Promise<void> {
  const settled = (pair: Pair) => pair.undelivered === 0 && (!receipts || pair.receipts.distinct === pair.sent);
  for (let waited = 0; waited < GRACE_MS && !pairs.every(settled); waited += GRACE_STEP_MS) await sleep(GRACE_STEP_MS);
}

function countReceipts(pairs: readonly Pair[]): ReceiptCounts {
  const refused = sum(pairs, (pair) => pair.refused);
  return {
    good: sum(pairs, (pair) => pair.receipts.distinct) - refused,
    refused,
    duplicates: sum(pairs, (pair) => pair.receipts.duplicates),
    missing: sum(pairs, (pair) => pair.sent - pair.receipts.distinct),
  };
}

function acknowledgeAll(endpoints: readonly Receiver[]): void {
  for (const endpoint of endpoints) endpoint.acknowledge();
}

function sum(pairs: readonly Pair[], value: (pair: Pair) => number): number {
  return pairs.reduce((total, pair) => total + value(pair), 0);
}

function microseconds(nanoseconds: number | null): number | null {
  return nanoseconds === null ? null : Math.round(nanoseconds / 100) / 10;
}
