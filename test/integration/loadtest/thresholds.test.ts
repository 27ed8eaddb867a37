import { afterAll, describe, expect, test } from 'vitest';
import { NO_K6 } from '../../kit/k6.ts';
import { startRelay } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import { waitFor } from '../../kit/wait.ts';
import { count, LoadTests, missed } from './fixture.ts';

/** k6's exit code where a threshold was missed. */
const MISSED = 99;
/** Messages after which it is in full swing. */
const ENOUGH = 100;

describe.skipIf(NO_K6 !== null)('the thresholds of a load test', () => {
  const servers = new Scope();
  const loadTests = new LoadTests();
  afterAll(async () => {
    loadTests.end();
    await servers.end();
  });

  test('are missed where a relay dies: what it had not carried is lost and unanswered', async () => {
    const relay = servers.keep(await startRelay());
    const run = loadTests.start('steady', {
      URLS: relay.url,
      RATE: '100',
      PAIRS: '4',
      SECONDS: '5',
      WARMUP: '1',
      SETTLE: '1',
    });
    const carried = async () => (await relay.metrics()).value('causeway_messages_total', { path: 'local' });
    await waitFor(async () => (await carried()) > ENOUGH, { what: 'messages are carried', timeoutMs: 30_000 });
    relay.kill('SIGKILL');
    const outcome = await run;
    expect(outcome.code, outcome.output).toBe(MISSED);
    expect(missed(outcome)).toEqual(
      expect.arrayContaining(['connections_closed', 'messages_lost', 'messages_unanswered']),
    );
    const [sent, delivered, lost] = ['messages_sent', 'messages_delivered', 'messages_lost'].map((name) =>
      count(outcome, name),
    ) as [number, number, number];
    expect(delivered).toBeGreaterThan(0);
    expect(lost).toBeGreaterThan(0);
    expect(delivered + lost).toBe(sent);
    expect(count(outcome, 'connections_closed')).toBe(8);
  });

  test('are missed where a relay refuses: what was refused is counted, and is not lost', async () => {
    const relay = servers.keep(await startRelay({ env: { CAUSEWAY_SEND_WINDOW: '1' } }));
    const outcome = await loadTests.start('steady', {
      ...{ URLS: relay.url, RATE: '1000', PAIRS: '2', SECONDS: '2', WARMUP: '0' },
    });
    expect(outcome.code, outcome.output).toBe(MISSED);
    expect(missed(outcome)).toContain('messages_refused');
    const [sent, delivered, refused] = ['messages_sent', 'messages_delivered', 'messages_refused'].map((name) =>
      count(outcome, name),
    ) as [number, number, number];
    expect(refused).toBeGreaterThan(0);
    expect(delivered + refused).toBe(sent);
    expect(count(outcome, 'messages_lost')).toBe(0);
    expect(count(outcome, 'messages_reordered')).toBe(0);
  });

  test('are missed where nobody listens', async () => {
    const outcome = await loadTests.start('smoke', { URLS: 'ws://127.0.0.1:9', SECONDS: '1', SETTLE: '0' });
    expect(outcome.code, outcome.output).toBe(MISSED);
    expect(missed(outcome)).toEqual(
      expect.arrayContaining(['connections_failed', 'connections_opened', 'messages_delivered', 'messages_lost']),
    );
  });
});
