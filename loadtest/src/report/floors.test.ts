import { describe, expect, it } from 'vitest';
import type { Measurement } from '../measurement.ts';
import type { SystemName } from '../points.ts';
import type { Sample } from '../rounds.ts';
import { checkFloors } from './floors.ts';

const POINT = '256 B, 50 pairs, window 8';

function sample(system: SystemName, round: number, changes: Partial<Measurement>): Sample {
  const measurement: Measurement = {
    messages: 1000,
    windowMs: 1000,
    p50: 100,
    p99: 200,
    latenessP99: null,
    sent: 1000,
    lost: 0,
    duplicates: 0,
    outOfOrder: 0,
    receipts: null,
    messagesPerSecond: 1000,
    cpu: {},
    cpuTotal: 10,
    cpuIdleNodes: 0,
    redisCommands: {},
    redisCommandsTotal: 0,
    foreignCores: 0,
    ...changes,
  };
  return { round, system, point: POINT, measurement };
}

function verdicts(loads: Sample[]): Record<string, [boolean, number]> {
  const floors = checkFloors({ loads, idle: [], tunnels: [], failures: [] });
  return Object.fromEntries(floors.map(({ name, reached, figure }) => [name, [reached, figure.median]]));
}

const CPU_TO_BARE = 'one node, CPU a message: Causeway / bare relay';
const OUTCOMES = 'Causeway: lost, repeated or reordered messages, and missing, repeated or refusing receipts';

describe('checkFloors', () => {
  it('divides within a round and takes the median of the ratios', () => {
    const loads = [1, 2, 3].flatMap((round) => [
      sample('bare', round, { cpuTotal: round * 5 }),
      sample('causeway-1', round, { cpuTotal: round === 3 ? 300 : round * 11 }),
    ]);
    expect(verdicts(loads)[CPU_TO_BARE]).toEqual([true, 2.2]);
  });

  it('does not reach a floor that the median misses', () => {
    const loads = [sample('bare', 1, { cpuTotal: 5 }), sample('causeway-1', 1, { cpuTotal: 11.5 })];
    expect(verdicts(loads)[CPU_TO_BARE]).toEqual([false, 2.3]);
  });

  it('says nothing where a system was not measured', () => {
    expect(verdicts([sample('bare', 1, {})])).toEqual({});
    expect(verdicts([sample('bare', 1, {}), sample('causeway-1', 2, {})])[CPU_TO_BARE]).toBeUndefined();
  });

  it('does not forgive one missing receipt in one round', () => {
    const receipts = { good: 1000, refused: 0, duplicates: 0, missing: 0 };
    const good = [1, 2, 3].map((round) => sample('causeway-2', round, { receipts }));
    expect(verdicts(good)[OUTCOMES]).toEqual([true, 0]);
    const bad = [...good, sample('causeway-2', 4, { receipts: { ...receipts, missing: 1 } })];
    expect(verdicts(bad)[OUTCOMES]).toEqual([false, 0]);
  });

  it('compares tunnels with the least there is, within each round', () => {
    const round = {
      chunkBytes: 65_536,
      echo: 1000,
      oneNode: 700,
      streamsPlain: 400,
      streamsWindow: 800,
      twoNodes: 200,
    };
    const tunnels = [
      { ...round, p99Without: 100, p99With: 300 },
      { ...round, echo: 100, oneNode: 70, p99Without: 100, p99With: null },
    ];
    const floors = checkFloors({ loads: [], idle: [], tunnels, failures: [] });
    expect(floors.map(({ figure, reached }) => [figure.median, reached])).toEqual([
      [0.7, true],
      [0.5, true],
      [0.25, false],
      [3, true],
    ]);
  });
});
