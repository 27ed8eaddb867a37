import type { NodeId } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import { silentLog, World } from '../../../../test/simulation/world.ts';
import type { NodeRecord } from './ports.ts';
import { balance, Rebalance } from './rebalance.ts';

const SELF = 'self' as NodeId;

function node(name: string, connections: number, changes: Partial<NodeRecord> = {}): NodeRecord {
  const record = { region: '', url: `ws://${name}`, leaseUntil: 0, since: 0, steadySince: 0 };
  return { ...record, node: name as NodeId, connections, state: 'live', ...changes };
}

describe('the surplus', () => {
  test.each([
    // Up to 20 % above the mean is as good as even.
    [120, [80], 0],
    [121, [79], 21],
    [300, [0, 0], 200],
    [5, [], 0],
    [0, [50], 0],
    // A single connection is not worth a reconnect, which would only turn the difference round.
    [1, [0], 0],
    [2, [1], 0],
  ])('of %i connections beside %j is %i', (own, others, surplus) => {
    const nodes = others.map((connections, index) => node(`n${index}`, connections));
    expect(balance(SELF, own, nodes).surplus).toBe(surplus);
  });

  test('is what this node has, not what was recorded of it', () => {
    expect(balance(SELF, 100, [node('self', 900), node('b', 100)])).toMatchObject({ mean: 100, surplus: 0 });
  });

  test('counts nodes that take clients, and leads to those below the mean that have a URL', () => {
    const nodes = [
      node('low', 10),
      node('mean', 100),
      node('silent', 10, { url: '' }),
      node('going', 0, { state: 'draining' }),
      node('dead', 0, { state: 'dead' }),
    ];
    expect(balance(SELF, 280, nodes)).toEqual({ mean: 100, surplus: 180, roomy: [{ url: 'ws://low', room: 90 }] });
  });
});

function setUp(connections: number, nodes: readonly NodeRecord[]) {
  const world = new World();
  const told: { client: number; ms: number; urls: readonly string[] }[] = [];
  const all = Array.from({ length: connections }, (_, client) => ({
    goAway: (_reason: string, ms: number, urls: readonly string[]) => void told.push({ client, ms, urls }),
  }));
  const rebalance = new Rebalance({
    node: SELF,
    leaseMs: 5000,
    timers: world,
    log: silentLog,
    nodes: () => nodes,
    connections: () => connections,
    clients: () => all,
  });
  return { rebalance, told, run: (ms: number) => world.run(ms, () => false) };
}

describe('a rebalance', () => {
  test('sends the newest away, ten a second, and fills the others evenly', async () => {
    const { rebalance, told, run } = setUp(61, [node('b', 2), node('c', 12), node('d', 40)]);
    expect(rebalance.start()).toEqual({ kind: 'started', count: 32, seconds: 4, mean: 28.75 });
    const told0 = told.map(({ client, ms }) => [client, ms]);
    expect(told0).toEqual([60, 59, 58, 57, 56, 55, 54, 53, 52, 51].map((client, index) => [client, index * 100]));
    expect(rebalance.start()).toEqual({ kind: 'running', left: 22 });
    await run(1000);
    expect(told).toHaveLength(20);
    await run(2000);
    expect(told).toHaveLength(32);
    // Only when the others have told what they have now can it be known what is still too many.
    expect(rebalance.start()).toEqual({ kind: 'running', left: 0 });
    await run(6000);
    expect(told).toHaveLength(32);
    const first = (url: string) => told.filter(({ urls }) => urls[0] === url).length;
    expect([first('ws://b'), first('ws://c'), first('ws://d')]).toEqual([21, 11, 0]);
    expect(told[0]?.urls).toEqual(['ws://b', 'ws://c']);
    expect(rebalance.start().kind).toBe('started');
  });

  test('of many sends 1 % away in a second', () => {
    const { rebalance, told } = setUp(2000, [node('b', 0)]);
    expect(rebalance.start()).toMatchObject({ count: 1000, seconds: 50 });
    expect(told.map(({ ms }) => ms)).toEqual(Array.from({ length: 20 }, (_, index) => index * 50));
  });

  test('sends no more away than it may', async () => {
    const { rebalance, told, run } = setUp(61, [node('b', 1)]);
    expect(rebalance.start(3)).toMatchObject({ count: 3, seconds: 1 });
    await run(5000);
    expect(told).toHaveLength(3);
  });

  test('does nothing where nothing is to be done, or nobody can be named', () => {
    expect(setUp(60, [node('b', 60)]).rebalance.start()).toEqual({ kind: 'balanced', mean: 60 });
    const { rebalance, told } = setUp(60, [node('b', 0, { url: '' })]);
    expect(rebalance.start()).toEqual({ kind: 'nowhere', surplus: 30, mean: 30 });
    expect(told).toEqual([]);
  });

  test('ends with a drain', async () => {
    const { rebalance, told, run } = setUp(61, [node('b', 1)]);
    rebalance.start();
    rebalance.stop();
    await run(5000);
    expect(told).toHaveLength(10);
  });
});
