import type { Rng } from '../kit/rng.ts';
import { VIOLATIONS } from './checker.ts';
import type { Fault } from './faults.ts';
import { narrate } from './narrative.ts';
import { type RoundResult, runRound } from './round.ts';
import { Table } from './table.ts';
import { type RedisKind, startWorld, type World } from './world.ts';

export interface CampaignOptions {
  readonly faults: readonly Fault[];
  readonly rng: Rng;
  /** Of `performance.now()`: no round begins after it. */
  readonly until: number;
  readonly signal: AbortSignal;
  print(line: string): void;
}

/** In one round. */
const INJECTIONS = 3;
/** Of each fault under one Redis before the other kind has its turn. */
const ROUNDS = 2;
const NARRATED = 3;
const LOG_LINES = 15;

/** One line, and for violations what happened around the first few. */
function describe(result: RoundResult, world: World): string[] {
  const { fault, messages, refusals, crossing, violations, longestOutageMs, complaints, histories } = result;
  const share = `${Math.round(crossing * 100)} % crossing`;
  const outage = `${Math.round(longestOutageMs)} ms longest outage`;
  const counts = VIOLATIONS.flatMap((kind) => {
    const count = violations.filter((one) => one.kind === kind).length;
    return count === 0 ? [] : [`${count} ${kind}`];
  });
  const verdict = counts.join(', ') || 'ok';
  const lines = [`${fault}: ${messages} messages, ${refusals} refusals, ${share}, ${outage}: ${verdict}`];
  for (const one of violations.slice(0, NARRATED)) {
    lines.push(`${one.kind}: ${one.from} to ${one.to}, id ${one.id}: ${one.detail}`, narrate(one, histories));
  }
  lines.push(...complaints.map((one) => `complaint: ${one instanceof Error ? one.stack : JSON.stringify(one)}`));
  if (violations.length > 0) {
    for (const { port, logs } of world.fleet.running) {
      lines.push(`log of the relay on ${port}:`, ...logs.slice(-LOG_LINES).map((record) => JSON.stringify(record)));
    }
  }
  return lines;
}

/**
 * The faults one after another, over and over, on a Redis Cluster and on a standalone Redis in turn, until the time is
 * up; each fault at least once.
 * @returns whether all went well
 */
export async function runCampaign({ faults, rng, until, signal, print }: CampaignOptions): Promise<boolean> {
  const table = new Table();
  const unseen = new Set(faults);
  let good = true;
  const goesOn = (): boolean => !signal.aborted && (performance.now() < until || unseen.size > 0);

  async function runWorld(kind: RedisKind, mine: readonly Fault[]): Promise<void> {
    print(`Starting three relays over a ${kind === 'cluster' ? 'Redis Cluster' : 'standalone Redis'}...`);
    const world = await startWorld(kind, rng.fork());
    try {
      for (const fault of Array.from({ length: ROUNDS }, () => rng.shuffle(mine)).flat()) {
        if (!goesOn()) return;
        unseen.delete(fault);
        const result = await runRound(world, { fault, times: INJECTIONS, rng: rng.fork() });
        table.add(result);
        good &&= result.violations.length === 0 && result.complaints.length === 0;
        for (const line of describe(result, world)) print(line);
      }
    } finally {
      await world.stop();
    }
  }

  while (goesOn()) {
    for (const kind of ['cluster', 'standalone'] as const) {
      const mine = faults.filter(({ redis }) => redis.includes(kind));
      if (mine.length > 0 && goesOn()) await runWorld(kind, mine);
    }
  }
  print(`\n${table}`);
  return good;
}
