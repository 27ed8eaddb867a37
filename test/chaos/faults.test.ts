import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRng, type Rng } from '../kit/rng.ts';
import type { Fault } from './fault.ts';
import { FAULTS } from './faults.ts';
import { type RoundResult, runRound } from './round.ts';
import { REDIS_KINDS, type RedisKind, startWorld, type World } from './world.ts';

const SEED = 5;

/** Each fault under one kind of Redis, several at once under each; `npm run chaos` takes all under all. */
function faultsUnder(kind: RedisKind): Fault[] {
  return FAULTS.filter(({ name, redis }, index) => name === 'several' || redis[index % redis.length] === kind);
}

function expectGood({ violations, complaints, injected }: RoundResult, times: number): void {
  expect(violations).toEqual([]);
  expect(complaints).toEqual([]);
  // Under enough messages, enough of which crossed nodes, and went on.
  expect(injected).toBe(times);
}

function faultsOver(kind: RedisKind): void {
  let world: World;
  let rng: Rng;

  beforeAll(async () => {
    rng = createRng(SEED + REDIS_KINDS.indexOf(kind));
    world = await startWorld(kind, rng.fork());
  });
  afterAll(() => world.stop());

  for (const fault of faultsUnder(kind)) {
    it.skipIf(fault.missing !== undefined)(
      `${fault.name}${fault.missing === undefined ? '' : `: ${fault.missing}`}`,
      async () => {
        const times = fault.inARow ?? 1;
        expectGood(await runRound(world, { fault, times, rng: rng.fork() }), times);
      },
    );
  }
}

describe.each(REDIS_KINDS)(
  'over Redis (%s) nothing is lost, repeated, reordered, corrupted or unanswered through',
  (kind) => faultsOver(kind),
);
