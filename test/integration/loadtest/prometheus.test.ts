import { afterAll, describe, expect, test } from 'vitest';
import { NO_K6 } from '../../kit/k6.ts';
import { startRelay } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import { waitFor } from '../../kit/wait.ts';
import { LOAD_PANELS } from '../grafana/panels.ts';
import { NO_PROMETHEUS, startPrometheus } from '../grafana/prometheus.ts';
import { count, LoadTests, missed } from './fixture.ts';

const MISSING = NO_K6 ?? NO_PROMETHEUS;
if (MISSING !== null) console.warn(`series of load tests are not tried: ${MISSING}`);

/** Which are 0 as long as all is well. */
const QUIET = /_(?:lost|unanswered|duplicated|reordered|closed|failed|refused)_total/;

describe.skipIf(MISSING !== null)('Prometheus', () => {
  const servers = new Scope();
  const loadTests = new LoadTests();
  afterAll(async () => {
    loadTests.end();
    await servers.end();
  });

  test('has what a load test did beside what the relay did, and the row of the dashboard shows it', async () => {
    const relay = servers.keep(await startRelay());
    const prometheus = servers.keep(
      await startPrometheus({
        config: 'prometheus.yaml',
        changes: [
          [/15s|5s/g, '1s'],
          [/( {10}- 127\.0\.0\.1:\d+\n)+/g, `          - ${new URL(relay.adminUrl).host}\n`],
        ],
        args: ['--web.enable-remote-write-receiver'],
      }),
    );
    const from = Math.floor(Date.now() / 1000);
    const outcome = await loadTests.start(
      'steady',
      { URLS: relay.url, RATE: '50', PAIRS: '4', SECONDS: '6', WARMUP: '1', P99: '2000' },
      { remoteWrite: `http://127.0.0.1:${prometheus.port}/api/v1/write` },
    );
    expect([missed(outcome), outcome.code], outcome.output).toEqual([[], 0]);
    const most = async (expr: string): Promise<number | null> => {
      const series = await prometheus.range(expr, from, Math.floor(Date.now() / 1000));
      const values = series.flatMap((one) => [...one.values.values()]);
      return values.length === 0 ? null : Math.max(...values);
    };
    const sent = count(outcome, 'messages_sent') as number;
    const ofRelay = 'sum(causeway_messages_total{path="local"})';
    await waitFor(async () => (await most(ofRelay)) === sent, { what: 'the relay is scraped', timeoutMs: 10_000 });
    expect(await most('sum(k6_messages_sent_total)')).toBe(sent);
    expect(await most('sum(k6_messages_delivered_total)')).toBe(sent);
    expect(LOAD_PANELS.length).toBeGreaterThan(3);
    for (const expr of LOAD_PANELS.flatMap(({ exprs }) => exprs)) {
      if (QUIET.test(expr)) expect(await most(expr), expr).toBe(0);
      else expect(await most(expr), expr).toBeGreaterThan(0);
    }
  });
});
