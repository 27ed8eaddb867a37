import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Counters, Distribution, type Gauges } from '../core/counters.ts';
import { renderMetricsDoc } from './doc.ts';
import { createMetrics } from './metrics.ts';
import { RedisStats } from './redis-stats.ts';
import { METRICS, type Source } from './table.ts';

const DOC = readFileSync(new URL('../../../../docs/metrics.md', import.meta.url), 'utf8');

function sourceOf(counters = new Counters(), redis = new RedisStats()): Source {
  const gauges: Gauges = {
    connections: 3,
    registrations: 2,
    catchingUp: 1,
    cachedRoutes: 4,
    linkFrames: 5,
    linkBytes: 6,
    inboxUnsettled: 7,
    watchedPeers: 8,
    sendsPending: 9,
  };
  const build = { version: '1.2.3', node: 'n1', region: 'eu' };
  return {
    counters,
    gauges: () => gauges,
    redis,
    isReady: () => true,
    certificateNotAfter: () => 1_800_000_000_500,
    build: () => build,
  };
}

async function lines(source: Source): Promise<string[]> {
  const text = await createMetrics(source).render();
  return text.split('\n').filter((line) => line.startsWith('causeway_'));
}

test('docs/metrics.md is the table', () => {
  expect(DOC).toBe(renderMetricsDoc());
  const documented = [...DOC.matchAll(/^\| `(causeway_\w+)`/gm)].map(([, name]) => name);
  expect(documented).toEqual(METRICS.map(({ name }) => name));
});

test('every metric of the table is served, with its type and the labels it declares, and no other', async () => {
  const redis = new RedisStats();
  redis.onCommand('locate', 1, true);
  const text = await createMetrics(sourceOf(new Counters(), redis)).render();
  const served = [...text.matchAll(/^# TYPE (causeway_\w+) (\w+)/gm)].map(([, name, type]) => [name, type]);
  expect(served).toEqual(METRICS.map(({ name, type }) => [name, type]));
  for (const { name, type, labels } of METRICS) {
    const suffix = type === 'histogram' ? '_count' : '';
    const [, found = ''] = new RegExp(`^${name}${suffix}(?:{(.*)})? `, 'm').exec(text) ?? [];
    expect([...found.matchAll(/(\w+)=/g)].map(([, label]) => label).sort(), name).toEqual([...labels].sort());
  }
});

test('a scrape reads what was counted since, and does not add it up', async () => {
  const counters = new Counters();
  const metrics = createMetrics(sourceOf(counters));
  counters.carried('local', 100);
  counters.carried('remote', 20);
  counters.carried('remote', 3);
  counters.drop('sticky', 4);
  counters.receipts[16] = 5;
  counters.spills.ack_timeout = 6;
  await metrics.render();
  const text = await metrics.render();
  expect(text).toContain('causeway_messages_total{path="local"} 1\n');
  expect(text).toContain('causeway_messages_total{path="remote"} 2\n');
  expect(text).toContain('causeway_message_bytes_total{path="remote"} 23\n');
  expect(text).toContain('causeway_drops_total{reason="sticky"} 4\n');
  expect(text).toContain('causeway_receipts_total{status="offline"} 5\n');
  expect(text).toContain('causeway_spills_total{cause="ack_timeout"} 6\n');
  expect(text).toContain('causeway_connections 3\n');
  expect(text).toContain('causeway_ready 1\n');
  expect(text).toContain('causeway_build_info{version="1.2.3",node="n1",region="eu"} 1\n');
});

test('every field of Counters and Gauges moves some metric', async () => {
  const values = async (change: (counters: Counters) => void) => {
    const counters = new Counters();
    change(counters);
    return (await lines(sourceOf(counters))).join('\n');
  };
  const before = await values(() => undefined);
  for (const field of Object.keys(new Counters()) as (keyof Counters)[]) {
    expect(await values((counters) => increase(counters, field)), field).not.toBe(before);
  }
  const gauges = sourceOf().gauges();
  for (const field of Object.keys(gauges) as (keyof Gauges)[]) {
    const changed = { ...sourceOf(), gauges: () => ({ ...gauges, [field]: 99 }) };
    expect((await lines(changed)).join('\n'), field).not.toBe(before);
  }
});

/** Adds to the first value that the field holds. */
function increase(counters: Counters, field: keyof Counters): void {
  const value: unknown = counters[field];
  if (typeof value === 'number') Object.assign(counters, { [field]: 1 });
  else if (Array.isArray(value)) value[1] = 1;
  else if (value instanceof Map) value.set(field === 'connectionsClosed' ? 4001 : 'malformed', 1);
  else if (value instanceof Distribution) value.observe(1);
  else Object.assign(value as object, { [Object.keys(value as object)[0] as string]: 1 });
}

test('histograms are cumulative and in base units', async () => {
  const counters = new Counters();
  for (const ms of [1, 2, 2, 9000]) counters.inboxLag.observe(ms);
  const text = (await lines(sourceOf(counters))).filter((line) => line.startsWith('causeway_inbox_lag'));
  expect(text.slice(0, 3)).toEqual([
    'causeway_inbox_lag_seconds_bucket{le="0.001"} 1',
    'causeway_inbox_lag_seconds_bucket{le="0.002"} 3',
    'causeway_inbox_lag_seconds_bucket{le="0.005"} 3',
  ]);
  expect(text.slice(-4)).toEqual([
    'causeway_inbox_lag_seconds_bucket{le="5"} 3',
    'causeway_inbox_lag_seconds_bucket{le="+Inf"} 4',
    'causeway_inbox_lag_seconds_sum 9.005',
    'causeway_inbox_lag_seconds_count 4',
  ]);
});

test('labels stay few whatever is counted', async () => {
  const counters = new Counters();
  const redis = new RedisStats();
  for (let i = 0; i < 5000; i += 1) {
    counters.closed(i);
    counters.registrationsRefused.set(`code-${i}`, 1);
    redis.onCommand(`command-${i}`, 1, i % 2 === 0);
  }
  const all = await lines(sourceOf(counters, redis));
  const of = (name: string) => all.filter((line) => line.startsWith(name));
  expect(of('causeway_connections_closed_total')).toHaveLength(16 + 9 + 1);
  expect(of('causeway_connections_closed_total{code="other"}')).toEqual([
    `causeway_connections_closed_total{code="other"} ${5000 - 16 - 9}`,
  ]);
  expect(of('causeway_registrations_refused_total{code="other"}')).toEqual([
    'causeway_registrations_refused_total{code="other"} 5000',
  ]);
  expect(of('causeway_redis_commands_total')).toHaveLength(2 * 64);
  expect(of('causeway_redis_commands_total{command="other",result="ok"}')).toEqual([
    'causeway_redis_commands_total{command="other",result="ok"} 2468',
  ]);
  expect(of('causeway_redis_command_seconds_count')).toEqual(['causeway_redis_command_seconds_count 5000']);
});
