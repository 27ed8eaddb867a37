import { afterAll, describe, expect, test } from 'vitest';
import { NO_K6 } from '../../kit/k6.ts';
import type { Relay } from '../../kit/relay.ts';
import { ADMIN_TOKENS, askAdmin } from '../admin.ts';
import { useCluster } from '../fixture.ts';
import { count, LoadTests, missed, type Outcome } from './fixture.ts';

/** How long something takes is no matter here. */
const TIMING = /_(?:latency|time)\b/;

describe.skipIf(NO_K6 !== null)('each scenario, in short', () => {
  const cluster = useCluster({ env: { CAUSEWAY_ADMIN_TOKENS: ADMIN_TOKENS } });
  const loadTests = new LoadTests();
  afterAll(() => loadTests.end());

  async function run(scenario: string, settings: Readonly<Record<string, string>>): Promise<Outcome> {
    const URLS = cluster.relays.map(({ url }) => url).join(',');
    const outcome = await loadTests.start(scenario, { URLS, RUN: scenario, ...settings });
    const broken = missed(outcome).filter((metric) => !TIMING.test(metric));
    expect(broken, outcome.output).toEqual([]);
    return outcome;
  }

  test('ramp opens what it is to open', async () => {
    const outcome = await run('ramp', { CONNECTIONS: '40', RAMP: '2', HOLD: '1' });
    expect(count(outcome, 'connections_opened')).toBe(40);
    expect(count(outcome, 'registration_latency')).toBe(40);
  });

  test('steady, across, sends what it is to send', async () => {
    const outcome = await run('steady', { PLACE: 'cross', RATE: '100', PAIRS: '4', SECONDS: '2', WARMUP: '1' });
    expect(count(outcome, 'messages_delivered')).toBe(300);
    expect(await cluster.total('causeway_messages_total', { path: 'remote' })).toBeGreaterThanOrEqual(300);
  });

  test('offline stores, and drains each mailbox', async () => {
    const outcome = await run('offline', { RECIPIENTS: '6', STORED: '20', RATE: '200' });
    expect(count(outcome, 'messages_receipts{status:queued}')).toBe(120);
    expect(count(outcome, 'messages_delivered')).toBe(120);
    expect(count(outcome, 'drain_time')).toBe(6);
  });

  test('storm has all come back, and nothing is missed', async () => {
    const before = await cluster.total('causeway_registrations_total', { kind: 'renewed' });
    const outcome = await run('storm', { IDLE: '20', PAIRS: '4', QUIET: '3', RATE: '60' });
    expect(count(outcome, 'reconnect_time')).toBe(24);
    expect(await cluster.total('causeway_registrations_total', { kind: 'renewed' })).toBe(before + 24);
    expect(count(outcome, 'messages_delivered')).toBe(count(outcome, 'messages_sent'));
  });

  test('soak has recipients come and go, and nothing is missed', async () => {
    const outcome = await run('soak', { MINUTES: '0.1', PAIRS: '4', RATE: '40', STAY: '1', AWAY: '1' });
    // The pairs, and at least one guest and one return for each.
    expect(count(outcome, 'connections_opened')).toBeGreaterThanOrEqual(16);
    expect(count(outcome, 'messages_delivered')).toBe(count(outcome, 'messages_sent'));
  });

  test('limits sets a limit that refuses, and puts back what was there', async () => {
    const [relay] = cluster.relays as [Relay];
    const policy = { defaults: { peer: { messages: { perSecond: 500 } } } };
    await askAdmin(relay, 'PUT', '/admin/limits', { body: { version: 0, policy } });
    const settings = { PAIRS: '4', SECONDS: '4', ADMIN_URL: relay.adminUrl, ADMIN_TOKEN: 'act' };
    const outcome = await loadTests.start('limits', { URLS: relay.url, RUN: 'limits', ...settings });
    expect(missed(outcome).filter((metric) => /lost|unanswered|reordered|receipts/.test(metric))).toEqual([]);
    const [sent, delivered, refused] = ['sent', 'delivered', 'refused'].map((what) =>
      count(outcome, `messages_${what}`),
    );
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBe((sent as number) - (delivered as number));
    const { version, policy: after } = (await askAdmin(relay, 'GET', '/admin/limits')).body;
    expect([version, after]).toEqual([3, policy]);
  });
});
