import exec from 'k6/execution';
import { RUN, SETTLE_SECONDS, URLS, urlOf, VUS } from './env.ts';
import * as metrics from './metrics.ts';
import { Pair } from './pair.ts';
import { now } from './peer.ts';

export type Place = 'same' | 'cross' | 'mixed';

/** Messages are due at these steps; latency counts from the step, so a late step shows. */
const TICK_MS = 10;
const TICKS_PER_SECOND = 1000 / TICK_MS;
/** Connections that are opened at once. */
const BATCH = 20;
const POLL_MS = 20;

/** k6's timers cut off fractions of a millisecond, and may still be early. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(), Math.max(0, Math.ceil(ms)));
  });
}

/** This VU's share of the numbers from 0 below `count`. */
export function share(count: number): number[] {
  const own = (exec.vu.idInTest - 1) % VUS;
  return Array.from({ length: count }, (_, index) => index).filter((index) => index % VUS === own);
}

/** @throws Error where pairs are to be on two relays and there is one */
export function needRelays(place: Place): void {
  if (place !== 'same' && URLS.length < 2)
    throw new Error(`${place}: name two relays or more, -e URLS=ws://one,ws://two`);
}

/** Pairs of this VU, on one relay or on two neighbours in the list of URLs. */
export function pairsOf(count: number, place: Place, payloadBytes: number, name = 'pair'): Pair[] {
  return share(count).map((index) => {
    const isCross = place === 'cross' || (place === 'mixed' && index % 2 === 1);
    const urls = [urlOf(index), urlOf(index + (isCross ? 1 : 0))] as const;
    return new Pair(`${RUN}-${name}-${index}`, urls, payloadBytes);
  });
}

export async function inBatches<T>(all: readonly T[], run: (one: T) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < all.length; at += BATCH) await Promise.all(all.slice(at, at + BATCH).map(run));
}

/**
 * Open loop: the pairs in turn send at a fixed rate, whatever comes back.
 *
 * @param perSecond messages of all these pairs together
 */
export async function drive(pairs: readonly Pair[], perSecond: number, seconds: number): Promise<void> {
  const began = now();
  let done = 0;
  for (let tick = 1; tick * TICK_MS <= seconds * 1000 && pairs.length > 0; tick++) {
    const at = began + tick * TICK_MS;
    do await sleep(at - now());
    while (now() < at);
    // Series in Prometheus end where nothing is added for long.
    if (tick % TICKS_PER_SECOND === 0) metrics.touchAll();
    const due = Math.floor((tick * TICK_MS * perSecond) / 1000);
    if (due > done) metrics.sent.add(due - done);
    for (; done < due; done++) (pairs[done % pairs.length] as Pair).send(at);
  }
}

/** Waits until nothing is under way, or for as long as it is worth; then counts what is left and leaves. */
export async function finish(pairs: readonly Pair[]): Promise<void> {
  const deadline = now() + SETTLE_SECONDS * 1000;
  while (now() < deadline && !pairs.every(({ account }) => account.isSettled)) await sleep(POLL_MS);
  for (const pair of pairs) {
    pair.finish();
    pair.close();
  }
}
