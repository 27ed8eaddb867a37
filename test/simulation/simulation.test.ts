import type { NodeId } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import { Relay } from '../../services/relay/src/core/relay.ts';
import type { Settings } from '../../services/relay/src/core/settings.ts';
import { createEmbeddedCluster, type EmbeddedCluster } from '../../services/relay/src/embedded/cluster.ts';
import { createEmbeddedStore } from '../../services/relay/src/embedded/store.ts';
import { createRng, type Rng } from '../kit/rng.ts';
import { type Faults, faultyStore } from './faulty-store.ts';
import { SimRecipient, SimSender } from './peers.ts';
import { silentLog, World } from './world.ts';

function settings(node: string): Settings {
  return {
    node: node as NodeId,
    region: '',
    url: '',
    policy: 'open',
    realms: [],
    heartbeatMs: 25_000,
    helloTimeoutMs: 5000,
    maxPayload: 65_536,
    sendWindow: 256,
    deliveryWindow: 256,
    deliveryWindowBytes: 1024 * 1024,
    ackTimeoutMs: 2000,
    outcomeTimeoutMs: 15_000,
    reservationTtlMs: 3_600_000,
    // More than a scenario sends: an eviction would be a loss that is right.
    mailboxMessages: 5000,
    mailboxBytes: 16 * 1024 * 1024,
    mailboxTtlMs: 3_600_000,
    realmMailboxBytes: 1024 * 1024 * 1024,
    nodeLeaseMs: 5000,
    linkBytes: 64 * 1024 * 1024,
    inboxBytes: 256 * 1024 * 1024,
    maxWatched: 256,
    randomHex: (bytes) => 'ab'.repeat(bytes),
    sha256Hex: (bytes) => Buffer.from(bytes).toString('hex'),
  };
}

async function startNodes(
  count: number,
  world: World,
  rng: Rng,
  faults: Faults,
): Promise<{ relays: Relay[]; shared: EmbeddedCluster }> {
  const shared = createEmbeddedCluster(() => world.now());
  const relays: Relay[] = [];
  for (let i = 0; i < count; i += 1) {
    const store = faultyStore(createEmbeddedStore(shared), world, rng.fork(), faults);
    const relay = new Relay({ settings: settings(`n${i}`), store, clock: world, timers: world, log: silentLog });
    await relay.start(() => 0);
    relays.push(relay);
  }
  return { relays, shared };
}

interface Scenario {
  readonly nodes: number;
  readonly senders: number;
  readonly messages: number;
  readonly window: number;
  readonly faults: Faults;
  /** Milliseconds between the recipient's moves; 0 for none. */
  readonly hopEvery: number;
  /** Longest pause between two connections of the recipient. */
  readonly awayFor: number;
  readonly cutSendersEvery: number;
}

async function play(
  seed: number,
  scenario: Scenario,
): Promise<{ recipient: SimRecipient; senders: SimSender[]; relays: Relay[] }> {
  const rng = createRng(seed);
  const world = new World();
  const { relays } = await startNodes(scenario.nodes, world, rng, scenario.faults);
  const recipient = new SimRecipient('bob', world, () => rng.next() * 10);
  const senders = Array.from(
    { length: scenario.senders },
    (_, i) =>
      new SimSender(`s${i}`, 'bob', scenario.messages, scenario.window, world, () =>
        scenario.cutSendersEvery > 0 ? rng.pick(relays) : (relays[i % relays.length] as Relay),
      ),
  );
  recipient.connect(relays[0] as Relay);
  for (const sender of senders) sender.connect();
  const isDone = (): boolean => senders.every((sender) => sender.done);
  if (scenario.hopEvery > 0) hop(recipient, relays, world, rng, scenario, isDone);
  if (scenario.cutSendersEvery > 0) cutSenders(senders, world, rng, scenario, isDone);
  const finished = await world.run(600_000, isDone);
  expect(finished, describeState(senders)).toBe(true);
  if (recipient.wire === null) recipient.connect(relays[0] as Relay);
  const total = scenario.senders * scenario.messages;
  await world.run(60_000, () => recipient.shown.length >= total);
  await world.run(5000, () => false);
  return { recipient, senders, relays };
}

function describeState(senders: SimSender[]): string {
  return senders.map((sender, i) => `s${i}: ${sender.outcomes.size} outcomes, ${sender.refusals} refusals`).join('; ');
}

function hop(
  recipient: SimRecipient,
  relays: Relay[],
  world: World,
  rng: Rng,
  scenario: Scenario,
  isDone: () => boolean,
): void {
  world.after(scenario.hopEvery * (0.5 + rng.next()), () => {
    if (isDone()) return;
    if (rng.chance(0.5)) recipient.wire?.cut();
    world.after(rng.chance(0.3) ? rng.next() * scenario.awayFor : 0, () => recipient.connect(rng.pick(relays)));
    hop(recipient, relays, world, rng, scenario, isDone);
  });
}

function cutSenders(senders: SimSender[], world: World, rng: Rng, scenario: Scenario, isDone: () => boolean): void {
  world.after(scenario.cutSendersEvery * (0.5 + rng.next()), () => {
    if (isDone()) return;
    rng.pick(senders).cut();
    cutSenders(senders, world, rng, scenario, isDone);
  });
}

/** Each sender's messages were shown once, in the order sent, and none is missing. */
function expectExactlyOnceInOrder(recipient: SimRecipient, senders: number, messages: number): void {
  for (let i = 0; i < senders; i += 1) {
    const shown = recipient.shown.filter((line) => line.startsWith(`s${i} `)).map((line) => Number(line.split(' ')[1]));
    expect(shown).toEqual(Array.from({ length: messages }, (_, number) => number));
  }
}

const CALM: Faults = { delayMs: 0, lost: 0, cut: 0 };
const SLOW: Faults = { delayMs: 4, lost: 0, cut: 0 };
const ROUGH: Faults = { delayMs: 4, lost: 0.02, cut: 0.02 };
const SEEDS = Array.from(
  { length: Number(process.env.SIM_SEEDS ?? 12) },
  (_, i) => Number(process.env.SIM_FIRST ?? 1) + i,
);

const SCENARIOS: [string, Scenario][] = [
  [
    'a steady recipient',
    { nodes: 3, senders: 5, messages: 300, window: 64, faults: CALM, hopEvery: 0, awayFor: 0, cutSendersEvery: 0 },
  ],
  [
    'a slow and unreliable store',
    { nodes: 3, senders: 5, messages: 300, window: 64, faults: ROUGH, hopEvery: 0, awayFor: 0, cutSendersEvery: 0 },
  ],
  [
    'a recipient that hops',
    { nodes: 3, senders: 5, messages: 400, window: 64, faults: SLOW, hopEvery: 50, awayFor: 0, cutSendersEvery: 0 },
  ],
  [
    'a recipient that comes and goes',
    { nodes: 3, senders: 5, messages: 400, window: 64, faults: SLOW, hopEvery: 60, awayFor: 200, cutSendersEvery: 0 },
  ],
  [
    'hops over an unreliable store',
    { nodes: 3, senders: 5, messages: 300, window: 64, faults: ROUGH, hopEvery: 50, awayFor: 100, cutSendersEvery: 0 },
  ],
  [
    'senders that are cut off and move, too',
    { nodes: 3, senders: 4, messages: 300, window: 64, faults: ROUGH, hopEvery: 70, awayFor: 100, cutSendersEvery: 40 },
  ],
];

describe.each(SCENARIOS)('%s', (_name, scenario) => {
  test.each(SEEDS)('seed %i: nothing is lost, repeated or reordered', async (seed) => {
    const { recipient, senders, relays } = await play(seed, scenario);
    expectExactlyOnceInOrder(recipient, scenario.senders, scenario.messages);
    for (const sender of senders) expect(sender.doubleReceipts).toBe(0);
    for (const relay of relays) {
      const gauges = relay.gauges(0);
      expect(gauges.sendsPending).toBe(0);
      expect(gauges.inboxUnsettled).toBe(0);
    }
  });
});
