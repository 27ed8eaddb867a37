import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startRedisCluster } from '../../kit/redis.ts';
import { useCluster } from '../fixture.ts';
import { Saturating, setPolicy, Tally } from './saturation.ts';

const SLOW = 100;
const FAST = 400;
const BURST = 10;
const COUNTED_MS = 3000;
/** Until a change is in force everywhere, and what was leased before it is used up. */
const SETTLED_MS = 1500;

const cluster = useCluster({ relays: 2, startRedis: () => startRedisCluster({ replicas: 0 }) });

const policy = (perSecond: number | null) => ({
  realms: { live: { realm: { messages: perSecond === null ? null : { perSecond, burst: BURST } } } },
});

test('a limit is changed and lifted under load, and nobody has to connect again', async () => {
  const tally = new Tally();
  await setPolicy(cluster.redis, policy(SLOW));
  const clients = await Promise.all(
    [0, 1].map(async (node) => {
      const options = { url: cluster.url(node), realm: 'live', peer: `p${node}`, window: 50 };
      return cluster.keep(await new Saturating(options, tally).connect());
    }),
  );
  for (const client of clients) client.resume();
  const count = async (): Promise<number> => {
    await sleep(SETTLED_MS);
    const from = performance.now();
    await sleep(COUNTED_MS);
    return (tally.between(from, performance.now()) * 1000) / (performance.now() - from);
  };
  const slow = await count();
  await setPolicy(cluster.redis, policy(FAST));
  const fast = await count();
  await setPolicy(cluster.redis, policy(SLOW));
  const slowAgain = await count();
  await setPolicy(cluster.redis, policy(null));
  const lifted = await count();

  expect(Math.abs(slow / SLOW - 1)).toBeLessThan(0.1);
  expect(Math.abs(fast / FAST - 1)).toBeLessThan(0.1);
  expect(Math.abs(slowAgain / SLOW - 1)).toBeLessThan(0.1);
  expect(lifted).toBeGreaterThan(2 * FAST);
  for (const client of clients) expect([...client.refusedBy]).toEqual(['realm']);
  expect(await cluster.total('causeway_connections_closed_total')).toBe(0);
});
