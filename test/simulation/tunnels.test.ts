import { describe, expect, test } from 'vitest';
import type { Faults } from './faulty-store.ts';
import { expectAllHasEnded, playTunnels, QUIET, type TunnelScenario } from './tunnel-scenario.ts';

const SLOW: Faults = { delayMs: 4, lost: 0, cut: 0 };
const ROUGH: Faults = { delayMs: 4, lost: 0.02, cut: 0.02 };
const SEEDS = Array.from(
  { length: Number(process.env.SIM_SEEDS ?? 12) },
  (_, i) => Number(process.env.SIM_FIRST ?? 1) + i,
);
/** Of the tunnels that are opened, in the calm scenario. */
const LEAST_DONE = 1 / 2;

const SCENARIOS: [string, Partial<TunnelScenario>][] = [
  ['a slow and unreliable store', { faults: ROUGH }],
  ['small streams between nodes', { faults: SLOW, streamBytes: 2000 }],
  ['peers that come and go', { faults: ROUGH, hangsUp: true }],
  ['outages of the store', { faults: SLOW, outageEvery: 3000 }],
  ['outages that last too long', { faults: SLOW, outageEvery: 4000, outageFor: 20_000 }],
  ['a node that stops', { faults: SLOW, stopAt: 6000 }],
  ['nodes that are killed', { faults: SLOW, killEvery: 4000 }],
  ['nodes that are killed while peers come and go', { faults: ROUGH, killEvery: 4000, hangsUp: true }],
  ['nodes that stand still for a while', { faults: SLOW, pauseEvery: 3000 }],
  ['nodes that stand still while peers come and go', { faults: ROUGH, pauseEvery: 3000, hangsUp: true }],
  ['a store that loses everything', { faults: SLOW, emptyEvery: 3000 }],
];

describe('tunnels', () => {
  test.each(SEEDS)('seed %i: without faults, most come to a graceful end', async (seed) => {
    const played = await playTunnels(seed, QUIET);
    expectAllHasEnded(played, QUIET);
    const { ends } = played;
    expect(ends.length).toBeGreaterThan(20);
    const done = ends.filter(({ hasEnded, wasEnded }) => hasEnded && wasEnded);
    expect(done.length).toBeGreaterThan(ends.length * LEAST_DONE);
  });
});

describe.each(SCENARIOS)('tunnels: %s', (_name, changes) => {
  test.each(SEEDS)('seed %i: bytes are never wrong, and every tunnel ends for both', async (seed) => {
    const scenario = { ...QUIET, ...changes };
    expectAllHasEnded(await playTunnels(seed, scenario), scenario);
  });
});
