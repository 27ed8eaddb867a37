import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { startRedisCluster } from '../../kit/redis.ts';
import { range, useCluster } from '../fixture.ts';
import { untilAllReady } from '../redis-traffic.ts';
import { Saturating, setPolicy, Tally } from './saturation.ts';

const RELAYS = 8;
const RATE = 200;
const SLOW_RATE = 5;
const WINDOW_MS = 10_000;
/** Until the burst is used up. */
const WARM_UP_MS = 3000;
const MEASURED_MS = 14_000;
/** From receipts to receipts: what one of them is late for moves between two windows. */
const BURST = 20;

const cluster = useCluster({ relays: RELAYS, startRedis: () => startRedisCluster({ replicas: 0 }) });
beforeAll(() => untilAllReady(cluster.relays));

const rateOf = (perSecond: number, burst: number) => ({ realm: { messages: { perSecond, burst } } });
const POLICY = {
  realms: {
    on1: rateOf(RATE, BURST),
    on2: rateOf(RATE, BURST),
    on4: rateOf(RATE, BURST),
    on8: rateOf(RATE, BURST),
    moving: rateOf(RATE, BURST),
    slow: rateOf(SLOW_RATE, SLOW_RATE),
  },
};

interface Load {
  readonly tally: Tally;
  readonly rate: number;
  readonly nodes: number;
  readonly clients: readonly Saturating[];
}

async function start(realm: string, nodes: number, rate = RATE): Promise<Load> {
  const tally = new Tally();
  const clients = await Promise.all(
    range(1, nodes).map(async (node) => {
      const options = { url: cluster.url(node - 1), realm, peer: `p${node}`, window: Math.max(rate / 4, 2) };
      return cluster.keep(await new Saturating(options, tally).connect());
    }),
  );
  return { tally, rate, nodes, clients };
}

/** Lets one client after the other send for a second each. */
function rotate(clients: readonly Saturating[]): { stop(): void } {
  let turn = 0;
  const move = (): void => {
    clients[turn % clients.length]?.pause();
    turn += 1;
    clients[turn % clients.length]?.resume();
  };
  move();
  const timer = setInterval(move, 1000);
  return { stop: () => clearInterval(timer) };
}

/** Commands that leased tokens, over all relays. */
function leases(): Promise<number> {
  return cluster.total('causeway_redis_commands_total', { command: 'bucketLease' });
}

test('any ten seconds of a saturated limit hold what its rate brings, on 1, 2, 4 and 8 relays', async () => {
  await setPolicy(cluster.redis, POLICY);
  const steady = await Promise.all([1, 2, 4, 8].map((nodes) => start(`on${nodes}`, nodes)));
  const slow = await start('slow', RELAYS, SLOW_RATE);
  const moving = await start('moving', RELAYS);
  for (const { clients } of [...steady, slow]) for (const client of clients) client.resume();
  const rotation = cluster.keep(rotate(moving.clients));

  await sleep(WARM_UP_MS);
  const [from, asked] = [performance.now(), await leases()];
  await sleep(MEASURED_MS);
  const [to, askedThen] = [performance.now(), await leases()];
  rotation.stop();

  for (const { tally, rate, nodes, clients } of [...steady, slow, moving]) {
    const { least, most } = tally.extremes(from, to, WINDOW_MS);
    const expected = (rate * WINDOW_MS) / 1000;
    const name = `${rate}/s on ${nodes}: ${least} to ${most}`;
    expect(least, name).toBeGreaterThanOrEqual(Math.min(expected * 0.97, expected - nodes));
    expect(most, name).toBeLessThanOrEqual(Math.max(expected * 1.03, expected + nodes) + (rate === RATE ? BURST : 0));
    expect(new Set(clients.flatMap((client) => [...client.refusedBy])), name).toEqual(new Set(['realm']));
  }
  // Scopes and nodes that were in use: 1 + 2 + 4 + 8 relays, 8 of the slow realm, 8 in turn of the moving one.
  const scopes = 1 + 2 + 4 + 8 + 8 + 8;
  expect(askedThen - asked).toBeLessThan((scopes * (to - from)) / 50);

  await setPolicy(cluster.redis, {
    realms: { ...POLICY.realms, on8: rateOf(2 * RATE, BURST), on4: rateOf(RATE / 2, BURST) },
  });
  const changed = performance.now();
  await sleep(6000);
  const after = (load: Load | undefined) => (load as Load).tally.between(changed + 1000, changed + 6000) / 5;
  expect(after(steady[3]) / (2 * RATE)).toBeGreaterThan(0.95);
  expect(after(steady[3]) / (2 * RATE)).toBeLessThan(1.05);
  expect(after(steady[2]) / (RATE / 2)).toBeGreaterThan(0.95);
  expect(after(steady[2]) / (RATE / 2)).toBeLessThan(1.05);
});

test('peers within their own limits cost no commands while they send', async () => {
  const rate = { messages: { perSecond: 100_000 } };
  await setPolicy(cluster.redis, { realms: { mine: { peer: rate } } });
  await sleep(1000);
  const load = await start('mine', 2, 100);
  const holds = () => cluster.total('causeway_redis_commands_total', { command: 'bucketHold' });
  const [held, asked] = [await holds(), await leases()];
  expect(held).toBeGreaterThanOrEqual(4);
  for (const client of load.clients) client.resume();
  await sleep(2000);
  for (const client of load.clients) client.pause();
  expect(load.tally.times.length).toBeGreaterThan(1000);
  expect([await holds(), await leases()]).toEqual([held, asked]);
});
