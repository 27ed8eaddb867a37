import type { NodeId, PeerId, RealmName } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { World } from '../../../../test/simulation/world.ts';
import { createEmbeddedCluster } from '../embedded/cluster.ts';
import { EmbeddedTallies } from '../embedded/tallies.ts';
import { peerKey } from './address.ts';
import { Counters } from './counters.ts';
import { type Caps, Policy } from './policy.ts';
import { Quotas } from './quotas.ts';
import type { Tallies } from './shared-ports.ts';

const REALM = 'acme' as RealmName;
const LEASE = 15_000;
const HOUR = 3_600_000;

function setUp(caps: Caps | null = null) {
  const world = new World();
  const shared = createEmbeddedCluster(() => world.now());
  const calls: string[] = [];
  let policy = new Policy({}, 0, 65_536);
  let version = 0;
  const setCaps = (next: Caps | null): void => {
    version += 1;
    policy = new Policy(next === null ? {} : { realms: { [REALM]: { caps: next } } }, version, 65_536);
  };
  if (caps !== null) setCaps(caps);
  let peers = 0;
  let isAway = false;
  let latencyMs = 0;
  let offMs = 0;
  const node = (name: string) => {
    const tallies = new EmbeddedTallies(shared);
    const counters = new Counters();
    let isUp = true;
    const heard: Tallies = {
      claim: async (...args) => note('claim', args, () => tallies.claim(...args)),
      report: async (...args) => note('report', args, () => tallies.report(...args)),
      reserve: async (...args) => note('reserve', args, () => tallies.reserve(...args)),
    };
    const quotas = new Quotas({
      node: name as NodeId,
      tallies: heard,
      policy: () => policy,
      clock: { now: () => world.now() + offMs },
      timers: {
        soon: world.soon,
        after: (ms, call) =>
          world.after(ms, () => {
            if (isUp) call();
          }),
      },
      counters,
      leaseMs: LEASE,
    });
    quotas.start();
    /** How many of so many connections at once are admitted; the others are full. */
    const admit = async (count: number): Promise<number> => {
      const replies = await Promise.all(
        Array.from({ length: count }, () => {
          peers += 1;
          return quotas.admit(REALM, peerKey(REALM, `p${peers}` as PeerId), HOUR);
        }),
      );
      return replies.filter(({ kind }) => kind === 'admitted').length;
    };
    const kill = (): void => {
      isUp = false;
    };
    return { quotas, counters, admit, kill };
  };
  async function note<T>(name: string, args: readonly unknown[], call: () => Promise<T>) {
    calls.push(`${name} ${args.slice(1).join(' ')}`);
    const reply = isAway ? { kind: 'unavailable' as const, reason: 'scripted' } : await call();
    if (latencyMs > 0) await world.sleep(latencyMs);
    return reply;
  }
  return {
    ...{ world, calls, setCaps, node },
    away: (next: boolean) => {
      isAway = next;
    },
    /** The store does at once what it is told, and answers so much later. */
    late: (ms: number) => {
      latencyMs = ms;
    },
    /** The nodes' clocks, and not that of the store. */
    turnClocks: (ms: number) => {
      offMs = ms;
    },
    lose: () => shared.tallies.clear(),
    run: (ms: number) => world.run(ms, () => false),
    held: () => new EmbeddedTallies(shared).report(REALM, 'connections', 'nobody' as NodeId, 0, LEASE),
  };
}

test('without caps nothing is asked', async () => {
  const { node, calls, run } = setUp();
  const { quotas, admit } = node('a');
  expect(await admit(30)).toBe(30);
  expect(quotas.watch(REALM, 500)).toBe(true);
  quotas.reservationRefreshed(REALM, peerKey(REALM, 'p1' as PeerId), HOUR);
  await run(60_000);
  for (let at = 0; at < 30; at += 1) quotas.left(REALM);
  await quotas.stop();
  expect(calls).toEqual([]);
});

test('connections are capped exactly over nodes, and each refusal is counted', async () => {
  const { node, held } = setUp({ connections: 20 });
  const nodes = [node('a'), node('b'), node('c')] as const;
  const admitted = await Promise.all(nodes.map(({ admit }) => admit(17)));
  expect(admitted.reduce((sum, count) => sum + count)).toBe(20);
  expect(nodes.reduce((sum, { counters }) => sum + counters.drops.realm_connections, 0)).toBe(31);
  expect(await held()).toEqual({ kind: 'reported', held: 20 });
});

test('a place that is left is there at once on the node, and soon on others', async () => {
  const { node, run } = setUp({ connections: 5 });
  const [a, b] = [node('a'), node('b')];
  expect(await a.admit(5)).toBe(5);
  a.quotas.left(REALM);
  expect(await a.admit(2)).toBe(1);
  a.quotas.left(REALM);
  await run(150);
  expect(await b.admit(2)).toBe(1);
});

test('a report counts a claim that has no answer yet', async () => {
  const { node, run, held, late } = setUp({ connections: 3 });
  const { quotas, admit } = node('a');
  await admit(1);
  late(300);
  const admitted = admit(1);
  quotas.left(REALM);
  await run(1000);
  expect(await admitted).toBe(1);
  expect(await held()).toEqual({ kind: 'reported', held: 1 });
});

test('a report that counted a claim which was refused is put right', async () => {
  const { node, run, held, late } = setUp({ connections: 2 });
  const { quotas, admit } = node('a');
  await admit(2);
  late(300);
  const admitted = admit(1);
  quotas.left(REALM);
  await run(1000);
  expect(await admitted).toBe(0);
  expect(await held()).toEqual({ kind: 'reported', held: 1 });
});

test('what a node holds is told again in time, with few commands, and ends with the node', async () => {
  const { node, run, calls } = setUp({ connections: 5 });
  const [a, b] = [node('a'), node('b')];
  await a.admit(5);
  calls.length = 0;
  await run(60_000);
  expect(await b.admit(1)).toBe(0);
  expect(calls.filter((call) => call.startsWith('report connections a')).length).toBeLessThan(15);
  await a.quotas.stop();
  expect(await b.admit(1)).toBe(1);
});

test('the share of a node that died comes back', async () => {
  const { node, run } = setUp({ connections: 5 });
  const [a, b] = [node('a'), node('b')];
  expect(await a.admit(5)).toBe(5);
  a.kill();
  expect(await b.admit(1)).toBe(0);
  await run(LEASE + 1000);
  expect(await b.admit(6)).toBe(5);
});

test('a cap that comes later counts what is there already, on all nodes within a second', async () => {
  const { node, run, setCaps } = setUp();
  const [a, b] = [node('a'), node('b')];
  await Promise.all([a.admit(4), b.admit(3)]);
  await run(10_000);
  setCaps({ connections: 8 });
  await run(1000);
  expect([await a.admit(3), await b.admit(3)]).toEqual([1, 0]);
  setCaps({ connections: 10 });
  expect(await b.admit(3)).toBe(2);
  setCaps({ connections: 4 });
  expect(await a.admit(1)).toBe(0);
  for (let at = 0; at < 5; at += 1) b.quotas.left(REALM);
  await run(200);
  expect(await a.admit(1)).toBe(0);
  setCaps(null);
  expect(await a.admit(40)).toBe(40);
});

test('a cap that goes and comes back counts what came in between', async () => {
  const { node, setCaps } = setUp({ connections: 3 });
  const { admit } = node('a');
  await admit(2);
  setCaps(null);
  await admit(10);
  setCaps({ connections: 13 });
  expect(await admit(3)).toBe(1);
});

test('reservations are booked, and a connection whose reservation is not gives its place back', async () => {
  const { node, run, held } = setUp({ connections: 10, reservations: 2 });
  const { admit, counters } = node('a');
  expect(await admit(5)).toBe(2);
  expect(counters.drops.realm_reservations).toBe(3);
  await run(200);
  expect(await held()).toEqual({ kind: 'reported', held: 2 });
});

test('a reservation that was there before its cap is booked when it is refreshed, over the cap too', async () => {
  const { node, setCaps } = setUp();
  const { quotas, admit } = node('a');
  await admit(2);
  setCaps({ reservations: 1 });
  for (const peer of ['p1', 'p2']) quotas.reservationRefreshed(REALM, peerKey(REALM, peer as PeerId), HOUR);
  expect(await admit(1)).toBe(0);
  setCaps({ reservations: 3 });
  expect(await admit(2)).toBe(1);
});

test('watched peers are capped exactly over nodes, all of a request or none', async () => {
  const { node, run } = setUp({ watched: 10 });
  const [a, b] = [node('a'), node('b')];
  const asked = [
    a.quotas.watch(REALM, 6),
    b.quotas.watch(REALM, 5),
    a.quotas.watch(REALM, 4),
    b.quotas.watch(REALM, 1),
  ];
  expect(await Promise.all(asked)).toEqual([true, false, true, false]);
  expect([a.counters.drops.realm_watched, b.counters.drops.realm_watched]).toEqual([0, 6]);
  a.quotas.unwatch(REALM, 5);
  await run(150);
  expect(await b.quotas.watch(REALM, 5)).toBe(true);
  expect(b.quotas.watch(REALM, 0)).toBe(true);
});

test('what the store has lost is told again', async () => {
  const { node, run, lose } = setUp({ connections: 5, watched: 5 });
  const [a, b] = [node('a'), node('b')];
  await a.admit(5);
  await a.quotas.watch(REALM, 5);
  lose();
  a.quotas.hurry();
  await run(150);
  expect([await b.admit(1), await b.quotas.watch(REALM, 1)]).toEqual([0, false]);
});

test('without the store the last known totals decide, and then it is exact again', async () => {
  const { node, run, away, held } = setUp({ connections: 10 });
  const [a, b] = [node('a'), node('b')];
  await Promise.all([a.admit(4), b.admit(3)]);
  await run(8000);
  away(true);
  expect([await a.admit(5), await b.admit(1)]).toEqual([3, 1]);
  away(false);
  await run(8000);
  expect(await held()).toEqual({ kind: 'reported', held: 11 });
  expect(await b.admit(1)).toBe(0);
});

test('without the store no reservation is booked, and the place is given back', async () => {
  const { node, run, away, held } = setUp({ connections: 3, reservations: 3 });
  const { quotas } = node('a');
  away(true);
  expect(await quotas.admit(REALM, peerKey(REALM, 'x' as PeerId), HOUR)).toMatchObject({ kind: 'unavailable' });
  away(false);
  await run(200);
  expect(await held()).toEqual({ kind: 'reported', held: 0 });
});

test('what a node holds is told on when its clock has gone back', async () => {
  const { node, run, held, turnClocks } = setUp({ connections: 10 });
  await node('a').admit(4);
  turnClocks(-HOUR);
  await run(2 * LEASE);
  expect(await held()).toEqual({ kind: 'reported', held: 4 });
});
