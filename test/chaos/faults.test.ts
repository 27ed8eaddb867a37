import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRng, type Rng } from '../kit/rng.ts';
import { FAULTS } from './faults.ts';
import { runRound } from './round.ts';
import { type RedisKind, startWorld, type World } from './world.ts';

const SEED = 5;
const CROSSING = 0.3;

function faultsOver(kind: RedisKind, names: readonly string[]): void {
  let world: World;
  let rng: Rng;

  beforeAll(async () => {
    rng = createRng(SEED);
    world = await startWorld(kind, rng.fork());
  });
  afterAll(() => world.stop());

  it.each(names)('%s', async (name) => {
    const fault = FAULTS.find((one) => one.name === name);
    if (fault === undefined) throw new Error(`no fault ${name}`);
    const { violations, complaints, messages, crossing } = await runRound(world, { fault, times: 1, rng: rng.fork() });
    expect(violations).toEqual([]);
    expect(complaints).toEqual([]);
    expect(messages).toBeGreaterThan(100);
    expect(crossing).toBeGreaterThan(CROSSING);
  });
}

describe('over a Redis Cluster nothing is lost, repeated, reordered, corrupted or unanswered through', () => {
  faultsOver('cluster', ['cut-sockets', 'hop', 'rolling-restart', 'slow-recipients', 'redis-pause', 'several']);
});

describe('over a standalone Redis nothing is lost, repeated, reordered, corrupted or unanswered through', () => {
  faultsOver('standalone', ['redis-cut', 'redis-delay']);
});
