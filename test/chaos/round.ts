import { setTimeout as sleep } from 'node:timers/promises';
import { complaints } from '../kit/observe.ts';
import type { LogRecord } from '../kit/relay.ts';
import type { Rng } from '../kit/rng.ts';
import { waitFor } from '../kit/wait.ts';
import { check, type Report } from './checker.ts';
import type { Fault } from './faults.ts';
import { since } from './fleet.ts';
import type { History } from './history.ts';
import { longestOutage } from './outage.ts';
import type { World } from './world.ts';

export interface RoundOptions {
  readonly fault: Fault;
  /** How often it is injected. */
  readonly times: number;
  readonly rng: Rng;
}

export interface RoundResult extends Report {
  readonly fault: string;
  readonly injected: number;
  /** Refusals for now, which the clients' library met by sending again. */
  readonly refusals: number;
  /** Of all messages that a relay handed to a client or to another node, the share of the latter. */
  readonly crossing: number;
  /** Milliseconds. */
  readonly longestOutageMs: number;
  /** Errors that relays logged, and clients that ended. */
  readonly complaints: readonly unknown[];
  readonly histories: readonly History[];
}

/** A fault counts only with so many messages under way. */
const UNDER_WAY = 100;
const BETWEEN_FAULTS_MS = 300;
const QUIET_TIMEOUT_MS = 60_000;
/** For what should not come any more. */
const SETTLE_MS = 300;

/** Ends the sending, and waits until all that is promised is shown; where that takes too long, the checker says what is missing. */
async function quiet({ traffic }: World): Promise<void> {
  traffic.pause();
  const total = (count: 'promised' | 'shownCount' | 'underWay'): number =>
    traffic.recorders.reduce((sum, recorder) => sum + recorder[count], 0);
  const done = (): boolean => total('underWay') === 0 && total('shownCount') >= total('promised');
  await waitFor(done, { what: 'all is shown', timeoutMs: QUIET_TIMEOUT_MS }).catch(() => undefined);
  await sleep(SETTLE_MS);
}

function allComplaints({ fleet, traffic }: World): unknown[] {
  const ofRelays: LogRecord[] = fleet.all.flatMap(complaints);
  return [...ofRelays, ...traffic.recorders.flatMap(({ failure }) => (failure === null ? [] : [failure]))];
}

/** Traffic, the fault a few times, a quiet time, and the check of everything that clients sent, were told and saw. */
export async function runRound(world: World, { fault, times, rng }: RoundOptions): Promise<RoundResult> {
  const { traffic, fleet } = world;
  const complained = new Set(allComplaints(world));
  const before = await fleet.counted();
  traffic.run();
  for (let injected = 0; injected < times; injected++) {
    await sleep(BETWEEN_FAULTS_MS);
    await traffic.untilUnderWay(UNDER_WAY);
    await fault.inject(world, rng);
  }
  await quiet(world);
  const end = performance.now();
  const { evictedOrExpired, refusals, local, remote } = since(before, await fleet.counted());
  const histories = traffic.take();
  return {
    ...check(histories, { excused: evictedOrExpired }),
    fault: fault.name,
    injected: times,
    refusals,
    crossing: remote / Math.max(1, local + remote),
    longestOutageMs: Math.max(...histories.map((history) => longestOutage(history, end))),
    complaints: allComplaints(world).filter((one) => !complained.has(one)),
    histories,
  };
}
