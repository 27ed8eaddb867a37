import { afterEach, expect, test } from 'vitest';
import { startRedis } from '../kit/redis.ts';
import { startRelay } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';
import { waitFor } from '../kit/wait.ts';

const scope = new Scope();
afterEach(() => scope.end());

test('the metric of readiness is of the scrape, not of the last time that somebody asked', async () => {
  const redis = scope.keep(await startRedis());
  const relay = scope.keep(await startRelay({ redis }));
  const until = (value: number) =>
    waitFor(async () => (await relay.metrics()).value('causeway_ready') === value, {
      what: `causeway_ready is ${value}`,
      timeoutMs: 20_000,
    });
  await until(1);
  await redis.nodes[0]?.kill('SIGSTOP');
  await until(0);
  await redis.nodes[0]?.kill('SIGCONT');
  await until(1);
});

test('HEAD is for probes that want no body', async () => {
  const relay = scope.keep(await startRelay());
  for (const path of ['/metrics', '/health/live', '/health/ready']) {
    const response = await fetch(`${relay.adminUrl}${path}`, { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
  }
});

test('without tokens the admin API is off, and says so', async () => {
  const relay = scope.keep(await startRelay());
  const response = await fetch(`${relay.adminUrl}/admin/drain`, { method: 'POST' });
  expect([response.status, await response.json()]).toMatchObject([404, { code: 'admin_api_off' }]);
  expect(relay.isAlive()).toBe(true);
});
