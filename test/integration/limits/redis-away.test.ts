import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startRedis } from '../../kit/redis.ts';
import { startCluster } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import { range } from '../fixture.ts';
import { untilAllReady } from '../redis-traffic.ts';
import { Saturating, setPolicy, Tally } from './saturation.ts';

const RATE = 200;
const BURST = 20;
const RELAYS = 2;
/** Until the relays count a Redis that hangs as away. */
const NOTICED_MS = 1500;
const AWAY_MS = 4000;
const BACK_MS = 1500;
const MEASURED_MS = 10_500;

/** Messages a second while Redis hangs, and the least and the most in ten seconds once it is back. */
async function outage(scope: Scope, away: string) {
  const redis = scope.keep(await startRedis());
  const { relays } = scope.keep(await startCluster({ relays: RELAYS, redis, env: { CAUSEWAY_LIMITS_AWAY: away } }));
  await untilAllReady(relays);
  await setPolicy(redis, { defaults: { realm: { messages: { perSecond: RATE, burst: BURST } } } });
  const tally = new Tally();
  const clients = await Promise.all(
    range(1, RELAYS).map(async (node) => {
      const options = { url: relays[node - 1]?.url as string, realm: 'acme', peer: `p${node}`, window: 50 };
      return scope.keep(await new Saturating(options, tally).connect());
    }),
  );
  for (const client of clients) client.resume();
  await sleep(2000);
  await redis.nodes[0]?.kill('SIGSTOP');
  await sleep(NOTICED_MS);
  const gone = performance.now();
  await sleep(AWAY_MS);
  const during = (tally.between(gone, performance.now()) * 1000) / AWAY_MS;
  await redis.nodes[0]?.kill('SIGCONT');
  await sleep(BACK_MS);
  const back = performance.now();
  await sleep(MEASURED_MS);
  return { during, after: tally.extremes(back, performance.now(), 10_000) };
}

test('while Redis is away the declared policy holds, and afterwards the limit is exact again', async () => {
  const scope = new Scope();
  try {
    const [share, open, closed] = await Promise.all(['share', 'open', 'closed'].map((away) => outage(scope, away)));
    expect(share?.during).toBeGreaterThan(RATE * 0.95);
    expect(share?.during).toBeLessThan(RATE * 1.05);
    expect(open?.during).toBeGreaterThan(RATE * 5);
    expect(closed?.during).toBe(0);
    for (const one of [share, open, closed]) {
      expect(one?.after.least).toBeGreaterThan(RATE * 10 * 0.97);
      expect(one?.after.most).toBeLessThan(RATE * 10 * 1.03 + BURST);
    }
  } finally {
    await scope.end();
  }
});
