import type { NodeId } from '@causeway/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { A, B, C, Client, TestCluster } from '../../../../test/simulation/core-kit.ts';
import { departureMs, otherUrls, sendAway } from './drain.ts';
import type { NodeRecord } from './ports.ts';

function node(name: string, changes: Partial<NodeRecord> = {}): NodeRecord {
  const record = { region: '', url: `ws://${name}`, connections: 0, leaseUntil: 0, since: 0, steadySince: 0 };
  return { ...record, node: name as NodeId, state: 'live', ...changes };
}

/** What each of so many clients is told. */
function told(count: number, drainMs: number, urls: readonly string[] = []) {
  const hints: { ms: number; urls: readonly string[] }[] = [];
  const clients = Array.from({ length: count }, () => ({
    goAway: (_reason: string, ms: number, urls: readonly string[]) => void hints.push({ ms, urls }),
  }));
  sendAway(clients, 'bye', drainMs, urls);
  return hints;
}

describe('departures', () => {
  test('are even, begin at once, and leave the last 30 % of the drain time for the rest', () => {
    expect(told(7, 10_000).map(({ ms }) => ms)).toEqual([0, 1000, 2000, 3000, 4000, 5000, 6000]);
    expect(told(10, 1000).map(({ ms }) => ms)).toEqual([0, 70, 140, 210, 280, 350, 420, 490, 560, 630]);
  });

  test('of few clients do not take all the time that there is', () => {
    expect(told(3, 25_000).map(({ ms }) => ms)).toEqual([0, 1000, 2000]);
    expect(told(0, 25_000)).toEqual([]);
  });

  test('in no second are more than 1.5 times the average over the drain time, or than one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 60 }), (count, seconds) => {
        const bins = new Map<number, number>();
        for (let index = 0; index < count; index += 1) {
          const ms = departureMs(index, count, seconds * 1000);
          expect(ms).toBeLessThan(seconds * 700);
          const bin = Math.floor(ms / 1000);
          bins.set(bin, (bins.get(bin) ?? 0) + 1);
        }
        // A bin may begin just at a departure.
        expect(Math.max(...bins.values())).toBeLessThanOrEqual(Math.max(1, (count / seconds) * 1.5) + 1);
      }),
    );
  });
});

describe('the others', () => {
  test('are live nodes with a URL, each URL once', () => {
    const nodes = [
      node('a'),
      node('b'),
      node('c', { state: 'draining' }),
      node('d', { state: 'dead' }),
      node('e', { url: '' }),
      node('f', { url: 'ws://b' }),
      node('g'),
    ];
    expect(otherUrls('a' as NodeId, nodes)).toEqual(['ws://b', 'ws://g']);
  });

  test('take turns at being named first, and at most five are named', () => {
    const urls = ['1', '2', '3', '4', '5', '6'];
    expect(told(3, 1000, urls).map(({ urls }) => urls.join(''))).toEqual(['12345', '23456', '34561']);
    const first = told(600, 1000, urls).map(({ urls }) => urls[0]);
    for (const url of urls) expect(first.filter((one) => one === url)).toHaveLength(100);
    expect(told(1, 1000)[0]?.urls).toEqual([]);
  });
});

describe('a relay that stops', () => {
  /** Three clients; `stop` takes 10 s at most, so the last of them leaves after 2 s. */
  async function setUp() {
    const cluster = new TestCluster();
    await cluster.start(B, { url: 'ws://b' });
    const { relay } = await cluster.start(A, { url: 'ws://a' });
    await cluster.run(2000);
    const clients = [];
    for (const peer of ['alice', 'bob', 'carol']) clients.push(await cluster.connect(relay, peer));
    const [alice, bob, carol] = clients as [Client, Client, Client];
    return { cluster, relay, alice, bob, carol };
  }
  const goaway = (reconnectAfterMs: number) => ({
    type: 'goaway',
    reason: 'the relay is shutting down',
    reconnectAfterMs,
    urls: ['ws://b'],
  });

  test('tells all at once when to go, serves each until then, and closes it', async () => {
    const { cluster, relay, alice, bob, carol } = await setUp();
    const stopped = relay.stop(10_000);
    await cluster.run(10);
    expect([alice, bob, carol].map(({ frames }) => frames.at(-1))).toEqual([goaway(0), goaway(1000), goaway(2000)]);
    expect([alice, bob, carol].map(({ closedWith }) => closedWith)).toEqual([4001, 0, 0]);
    bob.sendTo('carol', 1);
    await cluster.run(10);
    carol.say({ type: 'ack', seq: 1 });
    await cluster.run(10);
    expect([carol.take(), bob.take()]).toEqual([
      ['goaway', 'deliver 1 bob 1'],
      ['goaway', 'receipt 1 1'],
    ]);
    await cluster.run(1000);
    expect([bob.closedWith, carol.closedWith]).toEqual([4001, 0]);
    // A client that goes by itself is not waited for.
    carol.hangUp();
    await cluster.run(500);
    await stopped;
  });

  test('is said to be draining, and not named by others who drain, too', async () => {
    const { cluster, relay } = await setUp();
    const other = await cluster.start(C, { url: 'ws://c' });
    const dora = await cluster.connect(other.relay, 'dora');
    for (const peer of ['e', 'f', 'g', 'h']) await cluster.connect(relay, peer);
    const first = relay.stop(10_000);
    // Both have renewed their leases since.
    await cluster.run(4000);
    expect(cluster.shared.nodes.get(A)?.state).toBe('draining');
    const second = other.relay.stop(10_000);
    await cluster.run(10_000);
    expect(dora.frames.at(-1)).toMatchObject({ type: 'goaway', urls: ['ws://b'] });
    await Promise.all([first, second]);
    expect([...cluster.shared.nodes.keys()]).toEqual([B]);
  });

  test('sends away at once who is not welcomed yet, and who comes now', async () => {
    const { cluster, relay } = await setUp();
    const early = new Client(relay);
    const stopped = relay.stop(10_000);
    const late = new Client(relay);
    await cluster.run(10);
    expect(early.frames.at(-1)).toEqual(goaway(3000));
    expect(late.frames.at(-1)).toEqual(goaway(0));
    expect([early.closedWith, late.closedWith]).toEqual([4001, 4001]);
    await cluster.run(10_000);
    await stopped;
  });
});
