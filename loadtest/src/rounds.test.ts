import { expect, it } from 'vitest';
import { groupsOf, type Plan } from './rounds.ts';

const plan: Plan = {
  rounds: 2,
  timing: { warmupMs: 1, measureMs: 1 },
  systems: ['bare', 'causeway-2', 'causeway-2-traced'],
  atOnce: false,
  wants: (system, { payloadBytes }) => system !== 'bare' && payloadBytes === 256,
  idleConnections: 0,
  tunnelChunks: [],
};

it('a round goes through what is wanted one by one, every other one backwards', () => {
  expect(groupsOf(plan, 1)).toEqual([['causeway-2'], ['causeway-2-traced']]);
  expect(groupsOf(plan, 2)).toEqual([['causeway-2-traced'], ['causeway-2']]);
});

it('a round at once is of all that is wanted, and of nothing where nothing is', () => {
  expect(groupsOf({ ...plan, atOnce: true }, 1)).toEqual([['causeway-2', 'causeway-2-traced']]);
  expect(groupsOf({ ...plan, atOnce: true }, 2)).toEqual([['causeway-2-traced', 'causeway-2']]);
  expect(groupsOf({ ...plan, atOnce: true, wants: () => false }, 1)).toEqual([]);
});
