import type { Rng } from '../kit/rng.ts';
import { VIOLATIONS } from './checker.ts';
import type { Fault } from './fault.ts';
import { narrate } from './narrative.ts';
import { GRACE_MS, type RoundResult, runRound } from './round.ts';
import { Table } from './table.ts';
import { REDIS_KINDS, type RedisKind, startWorld, type World } from './world.ts';

export interface CampaignOptions {
  readonly faults: readonly Fault[];
  readonly rng: Rng;
  /** Of `performance.now()`: no round begins after it, except in the first pass. */
  readonly until: number;
  readonly signal: AbortSignal;
  print(line: string): void;
}

/** In one round. */
const INJECTIONS = 10;
/** Of traffic at the end of a round, in which nothing may be refused any more. */
const CALM_MS = 500;
const NARRATED = 3;
const LOG_LINES = 40;

const NAMES: Readonly<Record<RedisKind, string>> = {
  cluster: 'a Redis Cluster',
  standalone: 'a standalone Redis, each through a proxy',
  replicated: 'a Redis Cluster with replicas',
};

function logsOf({ fleet }: World): string[] {
  return fleet.running.flatMap(({ port, logs }) => [
    `log of the relay on ${port}:`,
    ...logs.slice(-LOG_LINES).map((record) => JSON.stringify(record)),
  ]);
}

/** One line, and for violations what happened around the first few. */
function describe(result: RoundResult, world: World): string[] {
  const { fault, injected, messages, refusals, late, crossing, violations, complaints, histories } = result;
  const counts = VIOLATIONS.flatMap((kind) => {
    const count = violations.filter((one) => one.kind === kind).length;
    return count === 0 ? [] : [`${count} ${kind}`];
  });
  if (late > 0) counts.push(`${late} refusals more than ${GRACE_MS} ms after a fault`);
  if (complaints.length > 0) counts.push(`${complaints.length} complaints`);
  const parts = [
    `${injected} of ${INJECTIONS} count`,
    `${messages} messages`,
    `${refusals} refusals`,
    `${Math.round(crossing * 100)} % crossing`,
    `${Math.round(result.longestOutageMs)} ms longest outage`,
    `${Math.round(result.longestLocalPauseMs)} ms longest pause within a node`,
  ];
  const lines = [`${fault}: ${parts.join(', ')}: ${counts.join(', ') || 'ok'}`];
  for (const one of violations.slice(0, NARRATED)) {
    lines.push(`${one.kind}: ${one.from} to ${one.to}, id ${one.id}: ${one.detail}`, narrate(one, histories));
  }
  lines.push(...complaints.map((one) => `complaint: ${one instanceof Error ? one.stack : JSON.stringify(one)}`));
  if (violations.length > 0) lines.push(...logsOf(world));
  return lines;
}

/**
 * The faults one after another, over and over, each time under another of its kinds of Redis, until the time is up;
 * each at least once.
 * @returns whether all went well
 */
export async function runCampaign({ faults, rng, until, signal, print }: CampaignOptions): Promise<boolean> {
  const table = new Table();
  let good = true;
  let round = 0;

  /** Takes faults from the list, until there are none or one broke a promise: after that nothing can be trusted. */
  async function runWorld(kind: RedisKind, left: Fault[], goesOn: () => boolean): Promise<void> {
    print(`Starting relays over ${NAMES[kind]}...`);
    const world = await startWorld(kind, rng.fork());
    try {
      for (let fault = left.pop(); fault !== undefined && goesOn(); fault = left.pop()) {
        const result = await runRound(world, { fault, times: INJECTIONS, rng: rng.fork(), calmMs: CALM_MS });
        table.add(result);
        good &&= result.violations.length === 0 && result.complaints.length === 0 && result.late === 0;
        round += 1;
        for (const line of describe(result, world)) print(`round ${round}: ${line}`);
        if (result.violations.length > 0) return;
      }
    } catch (error) {
      good = false;
      const lines = [`failed after round ${round}: ${error instanceof Error ? error.stack : error}`, ...logsOf(world)];
      for (const line of lines) print(line);
    } finally {
      await world.stop();
    }
  }

  const possible = faults.filter(({ missing }) => missing === undefined);
  for (const { name, missing } of faults) if (missing !== undefined) print(`${name} is left out: ${missing}`);
  const goesOn = (pass: number): boolean => !signal.aborted && (pass === 0 || performance.now() < until);
  for (let pass = 0; possible.length > 0 && goesOn(pass); pass++) {
    for (const kind of REDIS_KINDS) {
      const mine = possible.filter(({ redis }, index) => redis[(pass + index) % redis.length] === kind);
      for (const left = rng.shuffle(mine); left.length > 0 && goesOn(pass); )
        await runWorld(kind, left, () => goesOn(pass));
    }
  }
  print(`\n${table}`);
  return good;
}
