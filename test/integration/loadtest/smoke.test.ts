import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { NO_K6 } from '../../kit/k6.ts';
import { useCluster } from '../fixture.ts';
import { count, LoadTests, missed } from './fixture.ts';

const RELAYS = 3;
const STORED = 10;
const SECONDS = 3;
const RATE = 40;

describe.skipIf(NO_K6 !== null)('k6 against a cluster', () => {
  const cluster = useCluster({ relays: RELAYS });
  const loadTests = new LoadTests();
  afterAll(() => loadTests.end());

  test('the smoke test carries and counts every message, and reports as text, JSON and HTML', async () => {
    const urls = cluster.relays.map(({ url }) => url).join(',');
    const settings = { URLS: urls, STORED: `${STORED}`, SECONDS: `${SECONDS}`, RATE: `${RATE}` };
    const outcome = await loadTests.start('smoke', settings);
    expect([missed(outcome), outcome.code], outcome.output).toEqual([[], 0]);
    const sent = count(outcome, 'messages_sent') as number;
    // Each VU rounds down what its pairs send.
    expect(sent).toBeGreaterThanOrEqual(SECONDS * RATE - 2 + RELAYS * STORED);
    expect(count(outcome, 'messages_delivered')).toBe(sent);
    expect(count(outcome, 'messages_receipts')).toBe(sent);
    expect(count(outcome, 'receipt_latency')).toBe(sent);
    // Those that came out of a mailbox have no latency.
    expect(count(outcome, 'delivery_latency')).toBe(sent - RELAYS * STORED);
    expect(count(outcome, 'connections_opened')).toBe(6 * RELAYS);
    const [local, remote, mailbox] = await Promise.all(
      ['local', 'remote', 'mailbox'].map((path) => cluster.total('causeway_messages_total', { path })),
    );
    expect(mailbox).toBe(RELAYS * STORED);
    expect([local, remote].every((messages) => (messages as number) > 0)).toBe(true);
    const html = readFileSync(join(outcome.folder, 'summary.html'), 'utf8');
    expect(html).toContain('All thresholds are met.');
    expect(readFileSync(join(outcome.folder, 'summary.txt'), 'utf8')).toContain('All thresholds are met.');
  });
});
