import { afterAll, describe, expect, test } from 'vitest';
import { startRelay } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import { waitFor } from '../../kit/wait.ts';
import { NO_PROMETHEUS, type Prometheus, startPrometheus } from './prometheus.ts';

if (NO_PROMETHEUS !== null) console.warn(`several clusters are not tried: ${NO_PROMETHEUS}`);

const EACH_SECOND = [/15s|30s|5s/g, '1s'] as const;
const RECORDED = 'instance:causeway_connections:saturation';

const servers = new Scope();
afterAll(() => servers.end());

/** The clusters of which the Prometheus has the series. */
async function clusters(prometheus: Prometheus, name: string): Promise<string[]> {
  return prometheus.labelValues('cluster', name);
}

describe.skipIf(NO_PROMETHEUS !== null)('the Prometheus of a cluster', () => {
  test('sends what it has to one place, under the name of its cluster; another one asks it for what rules computed', async () => {
    const relay = servers.keep(await startRelay());
    const central = servers.keep(
      await startPrometheus({
        config: 'prometheus.yaml',
        changes: [
          EACH_SECOND,
          [/^ {10}- 127.*\n/gm, ''],
          ['      - targets:\n', '      - targets: []\n'],
          ['  - ../rules/*.yaml', '  []'],
        ],
        args: ['--web.enable-remote-write-receiver'],
      }),
    );
    const own = servers.keep(
      await startPrometheus({
        config: 'remote-write.yaml',
        changes: [
          EACH_SECOND,
          [/( {10}- 127\.0\.0\.1:\d+\n)+/g, `          - ${new URL(relay.adminUrl).host}\n`],
          ['127.0.0.1:9092', `127.0.0.1:${central.port}`],
        ],
      }),
    );
    const above = servers.keep(
      await startPrometheus({
        config: 'federation.yaml',
        changes: [
          EACH_SECOND,
          ['127.0.0.1:9090', `127.0.0.1:${own.port}`],
          [/ {6}- targets: \[127\.0\.0\.1:9091\]\n {8}labels:\n {10}cluster: two\n/g, ''],
        ],
      }),
    );
    for (const one of [central, above]) {
      await waitFor(async () => (await clusters(one, RECORDED)).length > 0, {
        what: 'what was computed has come',
        timeoutMs: 30_000,
      });
    }
    const [sent, asked] = await Promise.all(
      [central, above].map((one) => one.labelValues('__name__', '{cluster="one"}')),
    );
    expect(await clusters(central, RECORDED)).toEqual(['one']);
    expect(await clusters(above, RECORDED)).toEqual(['one']);
    expect(sent).toEqual(expect.arrayContaining(['causeway_receipts_total', 'nodejs_heap_size_used_bytes', 'up']));
    expect(asked).toEqual(expect.arrayContaining(['causeway_connections', 'causeway_build_info']));
    expect(asked).not.toContain('causeway_receipts_total');
  });
});
