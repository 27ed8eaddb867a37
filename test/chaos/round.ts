import { setTimeout as sleep } from 'node:timers/promises';
import type { Rng } from '../kit/rng.ts';
import { waitFor } from '../kit/wait.ts';
import { check, countOf, type Report, type Wipe } from './checker.ts';
import type { Fault } from './fault.ts';
import { LEASE_MS } from './fleet.ts';
import type { History } from './history.ts';
import { longestOutage } from './outage.ts';
import { calmOutcomes, countedFaults, crossingShare, longestLocalPause, type Window } from './windows.ts';
import type { World } from './world.ts';

export interface RoundOptions {
  readonly fault: Fault;
  /** How often it is injected. */
  readonly times: number;
  readonly rng: Rng;
  /** Goes on sending after the last injection for as long as refusals may last, and longer, to see that they end. */
  readonly calmMs?: number;
}

export interface RoundResult extends Report {
  readonly fault: string;
  /** Injections that count: under enough traffic that went on. */
  readonly injected: number;
  /** Refusals for now, which the clients' library met by sending again. */
  readonly refusals: number;
  /** Refusals that came later after a fault than they may. */
  readonly late: number;
  /** Share of the messages that were sent from one node to another. */
  readonly crossing: number;
  /** Milliseconds. */
  readonly longestOutageMs: number;
  /** Of a conversation within a node that the fault did not touch, milliseconds. */
  readonly longestLocalPauseMs: number;
  /** Errors that relays logged, relays and clients that ended. */
  readonly complaints: readonly unknown[];
  readonly histories: readonly History[];
}

/** A fault counts only with so many messages under way. */
const UNDER_WAY = 100;
const BETWEEN_FAULTS_MS = 200;
/** Refusals end so much later than a fault at the latest. */
export const GRACE_MS = LEASE_MS + 2000;
const QUIET_TIMEOUT_MS = 60_000;
/** For what should not come any more. */
const SETTLE_MS = 300;

/** Ends the sending, and waits until all that is promised is shown; where that takes too long, the checker says what is missing. */
async function quiet({ traffic }: World, wipes: readonly Wipe[]): Promise<void> {
  traffic.pause();
  const total = (count: 'promised' | 'shownCount'): number =>
    traffic.recorders.reduce((sum, recorder) => sum + recorder[count], 0);
  const done = (): boolean =>
    traffic.underWay === 0 &&
    (wipes.length > 0 || total('shownCount') >= total('promised')) &&
    countOf('lost', check(traffic.peek(), { wipes })) === 0;
  await waitFor(done, { what: 'all is shown', timeoutMs: QUIET_TIMEOUT_MS }).catch(() => undefined);
  await sleep(SETTLE_MS);
}

function allComplaints({ fleet, traffic }: World, { explains = () => false }: Fault): unknown[] {
  const ofClients = traffic.recorders.flatMap(({ failure }) => (failure === null ? [] : [failure]));
  return [...fleet.complaints().filter((record) => !explains(record)), ...ofClients];
}

/** Traffic, the fault a few times, a quiet time, and the check of everything that clients sent, were told and saw. */
export async function runRound(world: World, { fault, times, rng, calmMs = 0 }: RoundOptions): Promise<RoundResult> {
  const { traffic } = world;
  const complained = new Set(allComplaints(world, fault));
  const windows: Window[] = [];
  traffic.run();
  while (windows.length < times) {
    await sleep(BETWEEN_FAULTS_MS);
    await traffic.untilUnderWay(UNDER_WAY);
    const from = performance.now();
    await fault.inject(world, rng);
    windows.push({ from, to: performance.now() });
  }
  if (calmMs > 0) await sleep(GRACE_MS + calmMs);
  const wipes = world.wipes.splice(0);
  await quiet(world, wipes);
  const end = performance.now();
  const histories = traffic.take();
  return {
    ...check(histories, { wipes }),
    fault: fault.name,
    injected: countedFaults(histories, windows),
    refusals: histories.reduce((sum, { refusals }) => sum + refusals.length, 0),
    late: calmOutcomes(histories, windows, GRACE_MS).refused,
    crossing: crossingShare(histories),
    longestOutageMs: Math.max(...histories.map((history) => longestOutage(history, end))),
    longestLocalPauseMs: fault.slowsClients ? 0 : longestLocalPause(histories, windows),
    complaints: allComplaints(world, fault).filter((one) => !complained.has(one)),
    histories,
  };
}
