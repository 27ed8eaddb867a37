import { describe, expect, test } from 'vitest';
import type { PolicyDocument } from '../../services/relay/src/core/policy.ts';
import { type ClientOptions, LimitsWorld } from './limits-kit.ts';

const SECOND = 1000;
const NODES = [1, 2, 4, 8];
const RUN_SECONDS = 20;

function realmOf(perSecond: number, burst = perSecond): PolicyDocument {
  return { defaults: { realm: { messages: { perSecond, burst } } } };
}

/** Once the burst is used up, windows of 10 s hold what the rate brings: 97 to 103 %, or one message a node more or less. */
function expectExact(world: LimitsWorld, from: number, rate: number, nodes: number, burst = 0): void {
  const { least, most } = world.extremes(from);
  expect(least).toBeGreaterThanOrEqual(Math.min(rate * 10 * 0.97, rate * 10 - nodes));
  expect(most).toBeLessThanOrEqual(Math.max(rate * 10 * 1.03, rate * 10 + nodes) + burst);
}

type Load = (world: LimitsWorld, nodes: number, rate: number) => void;

const LOADS: Readonly<Record<string, Load>> = {
  'on all nodes'(world, nodes, rate) {
    for (let node = 0; node < nodes; node += 1) world.client(node, { peer: `p${node}`, window: windowOf(rate) });
  },
  'on one node, and little on the others'(world, nodes, rate) {
    world.client(0, { peer: 'p0', window: windowOf(rate) });
    for (let node = 1; node < nodes; node += 1) world.client(node, { peer: `p${node}`, perSecond: rate / nodes / 2 });
  },
  'that moves every second, with the connection'(world, nodes, rate) {
    let client: { stop(): void } | null = null;
    const move = (turn: number): void => {
      client?.stop();
      client = world.client(turn % nodes, { peer: 'p', window: windowOf(rate) });
      world.world.after(SECOND, () => move(turn + 1));
    };
    move(0);
  },
};

function windowOf(rate: number): number {
  return Math.max(10, rate / 10);
}

describe.each(Object.keys(LOADS))('a load %s', (name) => {
  const cases = NODES.flatMap((nodes) =>
    [
      [0.5, 1],
      [5, 5],
      [100, 10],
      [1000, 1000],
      [20_000, 20_000],
    ].map(([rate, burst]) => ({ nodes, rate: rate as number, burst: burst as number })),
  );

  test.each(cases)('$nodes nodes admit $rate/s with a burst of $burst', async ({ nodes, rate, burst }) => {
    const world = new LimitsWorld({ seed: nodes * 7 + rate, nodes, document: realmOf(rate, burst), skewMs: 5000 });
    const start = world.world.now();
    (LOADS[name] as Load)(world, nodes, rate);
    await world.run(RUN_SECONDS * SECOND);
    expectExact(world, start + 4 * SECOND, rate, nodes, rate < 1 ? burst : 0);
    expect(world.total(start, RUN_SECONDS * SECOND)).toBeLessThanOrEqual(rate * RUN_SECONDS * 1.03 + burst + nodes);
    expect(world.commands / nodes / RUN_SECONDS).toBeLessThan(20);
  });
});

describe('bytes', () => {
  test.each(NODES)('%i nodes admit as many as there are, in messages of any size', async (nodes) => {
    const document = { cluster: { bytes: { perSecond: 1_000_000, burst: 1_048_576 } } };
    const world = new LimitsWorld({ seed: nodes, nodes, document });
    const start = world.world.now();
    for (let node = 0; node < nodes; node += 1) {
      world.client(node, { peer: `small${node}`, bytes: 1000, window: 100 });
      world.client(node, { peer: `large${node}`, bytes: 20_000, window: 10 });
    }
    await world.run(20 * SECOND);
    const { least, most } = world.extremes(start + 4 * SECOND, 'bytes');
    expect(least).toBeGreaterThan(9_700_000);
    expect(most).toBeLessThan(10_300_000);
  });

  test('a message larger than what a node leases at once passes, and is paid for', async () => {
    const document = { cluster: { bytes: { perSecond: 200_000, burst: 1_048_576 } } };
    const world = new LimitsWorld({ seed: 3, nodes: 2, document });
    const start = world.world.now();
    for (const node of [0, 1]) world.client(node, { peer: `p${node}`, bytes: 900_000, window: 1 });
    await world.run(60 * SECOND);
    expect(world.total(start + 10 * SECOND, 45 * SECOND, 'bytes')).toBeLessThanOrEqual(9_000_000 + 1_800_000);
    expect(world.total(start + 10 * SECOND, 45 * SECOND, 'bytes')).toBeGreaterThanOrEqual(9_000_000 - 1_800_000);
  });
});

describe('fairness', () => {
  /** What each peer got in ten seconds of a saturated realm. */
  async function shares(nodes: number, rate: number, clients: readonly (readonly [node: number, ClientOptions])[]) {
    const world = new LimitsWorld({ seed: 11, nodes, document: realmOf(rate) });
    const start = world.world.now();
    for (const [node, options] of clients) world.client(node, options);
    await world.run(16 * SECOND);
    expectExact(world, start + 5 * SECOND, rate, nodes);
    return clients.map(([, { peer }]) => world.total(start + 5 * SECOND, 10 * SECOND, 'messages', peer));
  }

  test.each([50, 1000])(
    'a peer that sends without end leaves the others of its node their share of %i/s',
    async (rate) => {
      const modest = Array.from({ length: 9 }, (_, index) => [0, { peer: `m${index}`, perSecond: rate / 12 }] as const);
      const [, ...got] = await shares(1, rate, [[0, { peer: 'greedy', window: 5000 }], ...modest]);
      for (const count of got) expect(count).toBeGreaterThan((rate / 12) * 10 * 0.93);
    },
  );

  test('peers of a busy node get as much as those of a quiet one', async () => {
    const busy = Array.from({ length: 6 }, (_, index) => [0, { peer: `b${index}`, window: 50 }] as const);
    const got = await shares(2, 1000, [...busy, [1, { peer: 'q0', window: 50 }], [1, { peer: 'q1', window: 50 }]]);
    const quiet = (got[6] as number) + (got[7] as number);
    expect(quiet).toBeGreaterThan(10_000 * (2 / 8) * 0.85);
    expect(quiet).toBeLessThan(10_000 * (2 / 8) * 1.15);
  });

  test('a node that wants little gets it, whatever the others do', async () => {
    const greedy = [1, 2, 3].map((node) => [node, { peer: `g${node}`, window: 1000 }] as const);
    const [modest] = await shares(4, 1000, [[0, { peer: 'm', perSecond: 150 }], ...greedy]);
    expect(modest).toBeGreaterThan(1500 * 0.93);
  });
});

describe("a peer's own bucket", () => {
  const document = { defaults: { peer: { messages: { perSecond: 100, burst: 50 } } } };

  test('a peer that hops between nodes gains nothing, and loses nothing', async () => {
    const world = new LimitsWorld({ seed: 5, nodes: 8, document });
    const start = world.world.now();
    let client = world.client(0, { peer: 'p', window: 500 });
    for (let turn = 1; turn < 60; turn += 1) {
      await world.run(200 + world.rng.int(200));
      client.stop();
      client = world.client(turn % 8, { peer: 'p', window: 500 });
    }
    const seconds = (world.world.now() - start) / SECOND;
    expect(world.total(start, seconds * SECOND)).toBeLessThanOrEqual(100 * seconds + 50);
    expect(world.total(start, seconds * SECOND)).toBeGreaterThan(100 * seconds * 0.8);
  });

  test('a connection that takes over before the earlier one has ended begins empty', async () => {
    const world = new LimitsWorld({ seed: 6, nodes: 8, document });
    const start = world.world.now();
    let client = world.client(0, { peer: 'p', window: 500 });
    for (let turn = 1; turn <= 40; turn += 1) {
      await world.run(100);
      const next = world.client(turn % 8, { peer: 'p', window: 500 });
      await world.run(5);
      client.stop();
      client = next;
    }
    const seconds = (world.world.now() - start) / SECOND;
    expect(world.total(start, seconds * SECOND)).toBeLessThanOrEqual(100 * seconds * 1.05 + 50);
  });

  test('needs the store when it comes and when it goes, and not in between', async () => {
    const world = new LimitsWorld({ seed: 7, nodes: 1, document });
    const client = world.client(0, { peer: 'p', perSecond: 90 });
    await world.run(500);
    const asked = world.commands;
    expect(asked).toBe(1);
    await world.run(20 * SECOND);
    expect(world.commands).toBe(asked);
    client.stop();
  });
});

describe('while the store is away', () => {
  async function outage(away: 'share' | 'open' | 'closed') {
    const world = new LimitsWorld({ seed: 9, nodes: 4, document: realmOf(400, 100), away });
    const start = world.world.now();
    for (let node = 0; node < 4; node += 1) world.client(node, { peer: `p${node}`, window: 100 });
    await world.run(3 * SECOND);
    world.isStoreAway = true;
    await world.run(10 * SECOND);
    const during = world.total(start + 4 * SECOND, 9 * SECOND);
    world.isStoreAway = false;
    await world.run(13 * SECOND);
    const { least, most } = world.extremes(start + 15 * SECOND);
    expect(least).toBeGreaterThan(3880);
    expect(most).toBeLessThan(4120);
    return during / 9;
  }

  test('share: each node admits its part of the rate', async () => {
    const rate = await outage('share');
    expect(rate).toBeGreaterThan(400 * 0.97);
    expect(rate).toBeLessThan(400 * 1.03);
  });

  test('open: everything passes', async () => expect(await outage('open')).toBeGreaterThan(4 * 400));
  test('closed: nothing passes', async () => expect(await outage('closed')).toBe(0));

  test('short gaps, with answers that are lost, cost no token and give none away', async () => {
    const world = new LimitsWorld({ seed: 10, nodes: 4, document: realmOf(1000, 50) });
    const start = world.world.now();
    for (let node = 0; node < 4; node += 1) world.client(node, { peer: `p${node}`, window: 100 });
    for (let turn = 0; turn < 40; turn += 1) {
      await world.run(300 + world.rng.int(300));
      world.isStoreAway = true;
      await world.run(1 + world.rng.int(80));
      world.isStoreAway = false;
    }
    expectExact(world, start + 3 * SECOND, 1000, 4);
  });
});

describe('live changes', () => {
  test.each([
    [1000, 200],
    [200, 1000],
    [1000, 5],
  ])('from %i/s to %i/s under load', async (before, after) => {
    const world = new LimitsWorld({ seed: 12, nodes: 4, document: realmOf(before) });
    for (let node = 0; node < 4; node += 1) world.client(node, { peer: `p${node}`, window: 100 });
    await world.run(5 * SECOND);
    world.setPolicy(realmOf(after));
    const changed = world.world.now();
    await world.run(14 * SECOND);
    expectExact(world, changed + 2 * SECOND, after, 4);
    expect(world.total(changed, 10 * SECOND)).toBeLessThanOrEqual(after * 10 * 1.03 + after + 4);
  });

  test('a limit that comes and goes, for peers, realms and the cluster', async () => {
    const world = new LimitsWorld({ seed: 13, nodes: 2, document: {} });
    for (const node of [0, 1]) world.client(node, { peer: `p${node}`, perSecond: 500 });
    await world.run(2 * SECOND);
    const limited = { messages: { perSecond: 100, burst: 20 } };
    const documents = [
      { cluster: limited },
      {},
      { defaults: { realm: limited } },
      {},
      { defaults: { peer: limited } },
      {},
    ];
    const rates: number[] = [];
    for (const document of documents) {
      world.setPolicy(document);
      await world.run(2 * SECOND);
      const from = world.world.now();
      await world.run(5 * SECOND);
      rates.push(Math.round(world.total(from, 5 * SECOND) / 5 / 50) * 50);
    }
    expect(rates).toEqual([100, 1000, 100, 1000, 200, 1000]);
  });
});
