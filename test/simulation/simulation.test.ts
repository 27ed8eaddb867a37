import { SendFlag } from '@causeway/protocol';
import { describe, test } from 'vitest';
import type { Faults } from './faulty-store.ts';
import { LEASE_MS } from './mishaps.ts';
import { expectAllIsWell, play, type Scenario, STEADY } from './scenario.ts';

const SLOW: Faults = { delayMs: 4, lost: 0, cut: 0 };
const ROUGH: Faults = { delayMs: 4, lost: 0.02, cut: 0.02 };
const SEEDS = Array.from(
  { length: Number(process.env.SIM_SEEDS ?? 12) },
  (_, i) => Number(process.env.SIM_FIRST ?? 1) + i,
);
const { noReceipt, noStore } = SendFlag;

const SHORT_LEASE = { nodeLeaseMs: LEASE_MS };
/** Slow enough for a few faults in each scenario. */
const LASTING = { messages: 400, window: 64, pace: 40, ackWithin: 200, settings: SHORT_LEASE };

const SCENARIOS: [string, Partial<Scenario>][] = [
  ['a steady recipient', {}],
  ['a slow and unreliable store', { faults: ROUGH }],
  ['a recipient that hops', { messages: 400, faults: SLOW, hopEvery: 50 }],
  ['a recipient that comes and goes', { messages: 400, faults: SLOW, hopEvery: 60, awayFor: 200 }],
  ['hops over an unreliable store', { faults: ROUGH, hopEvery: 50, awayFor: 100 }],
  [
    'senders that are cut off and move, too',
    { senders: 4, faults: ROUGH, hopEvery: 70, awayFor: 100, cutSendersEvery: 40 },
  ],
  ['messages without receipts', { faults: SLOW, flags: (number) => (number % 3 === 0 ? noReceipt : 0) }],
  [
    'messages that may not be stored',
    { faults: SLOW, hopEvery: 60, awayFor: 300, flags: (number) => (number % 4 === 0 ? noStore : 0) },
  ],
  [
    'a recipient that acknowledges late',
    { messages: 60, faults: SLOW, ackWithin: 5000, hopEvery: 4000, settings: { ackTimeoutMs: 300 } },
  ],
  [
    'a recipient that is silent on every other connection',
    { faults: SLOW, ackWithin: Number.POSITIVE_INFINITY, hopEvery: 1500, settings: { ackTimeoutMs: 300 } },
  ],
  [
    'small windows and mailboxes',
    {
      faults: SLOW,
      hopEvery: 300,
      awayFor: 100,
      settings: { deliveryWindow: 4, sendWindow: 48, mailboxMessages: 40 },
    },
  ],
  ['a small realm', { faults: SLOW, hopEvery: 100, awayFor: 100, settings: { realmMailboxBytes: 600 } }],
  ['small inboxes', { faults: SLOW, messages: 150, hopEvery: 200, settings: { inboxBytes: 1500 } }],
  ['small links', { faults: ROUGH, messages: 150, hopEvery: 200, settings: { linkBytes: 1000 } }],
  ['many recipients, both ways', { recipients: 6, senders: 3, messages: 100, faults: ROUGH, hopEvery: 80 }],
  ['reconnects to the same node', { faults: ROUGH, hopEvery: 30, awayFor: 20, stays: true }],
  ['outages of the store', { faults: SLOW, outageEvery: 1500, hopEvery: 100, awayFor: 100, messages: 400 }],
  [
    'outages while everybody moves',
    { senders: 4, faults: ROUGH, outageEvery: 1000, hopEvery: 70, awayFor: 100, cutSendersEvery: 100 },
  ],
  ['a node that stops', { recipients: 3, faults: SLOW, stopAt: 150, messages: 400 }],
  ['a node that stops while everybody moves', { faults: ROUGH, stopAt: 250, hopEvery: 60, messages: 400 }],
  ['nodes that are killed', { faults: SLOW, killEvery: 4000, ...LASTING }],
  [
    'nodes that are killed while everybody moves',
    { faults: ROUGH, killEvery: 4000, hopEvery: 200, awayFor: 200, cutSendersEvery: 300, ...LASTING },
  ],
  [
    'nodes that are killed over small windows',
    {
      faults: SLOW,
      killEvery: 4000,
      hopEvery: 300,
      ...LASTING,
      settings: { ...SHORT_LEASE, deliveryWindow: 4, sendWindow: 48 },
    },
  ],
  [
    'reapers that are killed',
    { faults: SLOW, killEvery: 5000, killReapers: true, hopEvery: 300, nodes: 4, ...LASTING },
  ],
  ['nodes that stand still for a while', { faults: SLOW, pauseEvery: 3000, ...LASTING }],
  [
    'nodes that stand still while everybody moves',
    { faults: ROUGH, pauseEvery: 3000, hopEvery: 200, awayFor: 200, cutSendersEvery: 300, ...LASTING },
  ],
  [
    'outages, and nodes that are killed',
    { faults: SLOW, outageEvery: 4000, killEvery: 5000, hopEvery: 200, ...LASTING },
  ],
  ['a store that loses everything', { faults: SLOW, emptyEvery: 3000, ...LASTING }],
];

describe.each(SCENARIOS)('%s', (_name, changes) => {
  test.each(SEEDS)('seed %i: nothing is lost, repeated or reordered', async (seed) => {
    const scenario = { ...STEADY, ...changes };
    expectAllIsWell(await play(seed, scenario), scenario);
  });
});
