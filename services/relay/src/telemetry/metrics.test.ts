import { readFileSync } from 'node:fs';
import type { NodeId, RealmName } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { Counters, Distribution, type Gauges } from '../core/counters.ts';
import type { LimiterReport } from '../core/limiter.ts';
import type { NodeRecord } from '../core/ports.ts';
import { countedAttempts } from './counted-attempts.ts';
import { renderMetricsDoc } from './doc.ts';
import { createMetrics } from './metrics.ts';
import { RedisStats } from './redis-stats.ts';
import { METRICS, type Source } from './table.ts';

const DOC = readFileSync(new URL('../../../../docs/metrics.md', import.meta.url), 'utf8');

const record = { region: '', url: '', connections: 0, leaseUntil: 0, since: 0, steadySince: 0 };
const NODES: readonly NodeRecord[] = (['live', 'live', 'draining', 'dead', 'reaped'] as const).map((state, index) => ({
  ...record,
  node: `n${index}` as NodeId,
  state,
}));

const SHARED = {
  buckets: { messages: { perSecond: 100, burst: 200 }, bytes: null },
  levels: { messages: { here: 5, left: 120 }, bytes: { here: 0, left: 0 } },
  storeIsAway: false,
};
const LIMITS: LimiterReport = {
  cluster: { ...SHARED, admitted: 7, refused: 3 },
  realms: [{ realm: 'acme' as RealmName, report: { ...SHARED, admitted: 2, refused: 1 } }],
  peers: { held: 0, refused: 0 },
};

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
    tunnelEnds: 10,
    tunnelBytes: 11,
  };
  const build = { version: '1.2.3', node: 'n1', region: 'eu' };
  return {
    counters,
    gauges: () => gauges,
    redis,
    isReady: () => true,
    isDraining: () => false,
    maxConnections: 1000,
    nodes: () => NODES,
    limits: () => LIMITS,
    policyVersion: () => 12,
    redisSlots: () => new Map([['127.0.0.1:7000', 16384]]),
    certificateNotAfter: () => 1_800_000_000_500,
    build: () => build,
  };
}

async function lines(source: Source): Promise<string[]> {
  const { body } = await createMetrics(source).render('prometheus');
  return body.split('\n').filter((line) => line.startsWith('causeway_'));
}

test('docs/metrics.md is the table', () => {
  expect(DOC).toBe(renderMetricsDoc());
  const documented = [...DOC.matchAll(/^\| `(causeway_\w+)`/gm)].map(([, name]) => name);
  expect(documented).toEqual(METRICS.map(({ name }) => name));
});

test('every metric of the table is served, with its type and the labels it declares, and no other', async () => {
  const redis = new RedisStats();
  redis.onCommand('locate', 1, true);
  const { body: text } = await createMetrics(sourceOf(new Counters(), redis)).render('prometheus');
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
  await metrics.render('openmetrics');
  const { body: text } = await metrics.render('prometheus');
  expect(text).toContain('causeway_messages_total{path="local"} 1\n');
  expect(text).toContain('causeway_messages_total{path="remote"} 2\n');
  expect(text).toContain('causeway_message_bytes_total{path="remote"} 23\n');
  expect(text).toContain('causeway_drops_total{reason="sticky"} 4\n');
  expect(text).toContain('causeway_receipts_total{status="offline"} 5\n');
  expect(text).toContain('causeway_spills_total{cause="ack_timeout"} 6\n');
  expect(text).toContain('causeway_connections 3\n');
  expect(text).toContain('causeway_ready 1\n');
  expect(text).toContain('causeway_draining 0\n');
  expect(text).toContain('causeway_connections_max 1000\n');
  expect(text).toContain('causeway_policy_version 12\n');
  expect(text).toContain('causeway_redis_slots{primary="127.0.0.1:7000"} 16384\n');
  expect(text).toContain('causeway_build_info{version="1.2.3",node="n1",region="eu"} 1\n');
});

test('in OpenMetrics there are the same metrics, with the traces of latencies', async () => {
  const counters = new Counters();
  counters.carried('local', 100);
  const { delivered } = counters.receiptLatency;
  for (const value of [3, 4, 20_000]) delivered.observe(value);
  delivered.exemplify(4, 'a'.repeat(32), 1_700_000_000_123);
  delivered.exemplify(20_000, 'b'.repeat(32), 1_700_000_000_456);
  const metrics = createMetrics(sourceOf(counters));
  const { contentType, body } = await metrics.render('openmetrics');
  expect(contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  expect(body.endsWith('\n# EOF\n')).toBe(true);
  expect(body).toContain('# TYPE causeway_messages counter\ncauseway_messages_total{path="local"} 1\n');
  const bucket = 'causeway_receipt_seconds_bucket{outcome="delivered",le=';
  const lines = body.split('\n').filter((line) => line.startsWith(bucket) && line.includes('#'));
  expect(lines).toEqual([
    `${bucket}"0.005"} 2 # {trace_id="${'a'.repeat(32)}"} 0.004 1700000000.123`,
    `${bucket}"+Inf"} 3 # {trace_id="${'b'.repeat(32)}"} 20 1700000000.456`,
  ]);
  const plain = await metrics.render('prometheus');
  expect(plain.body).not.toContain('trace_id');
  const names = (text: string) =>
    [...text.matchAll(/^# TYPE (\w+) (\w+)/gm)].map(([, name, type]) => name + (type === 'counter' ? '_total' : ''));
  const withTotal = names(plain.body).map((name) => name?.replace(/_total_total$/, '_total'));
  expect(names(body)).toEqual(withTotal);
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
  else {
    const [[name, first]] = Object.entries(value as object) as [[string, unknown]];
    if (first instanceof Distribution) first.observe(1);
    else Object.assign(value as object, { [name]: 1 });
  }
}

test('nodes are counted by their states; those that are reaped are no part of the cluster', async () => {
  const states = (await lines(sourceOf())).filter((line) => line.startsWith('causeway_nodes{'));
  expect(states).toEqual([
    'causeway_nodes{state="live"} 2',
    'causeway_nodes{state="draining"} 1',
    'causeway_nodes{state="dead"} 1',
  ]);
});

test('a limit shows what it let through and what is left, of its units only', async () => {
  const all = (await lines(sourceOf())).filter((line) => /^causeway_limit_(?!leases)/.test(line));
  const of = (scope: string) => all.filter((line) => line.includes(scope)).map((line) => line.replace(scope, ''));
  expect(of('scope="realm",realm="acme",')).toEqual([
    'causeway_limit_messages_total{result="admitted"} 2',
    'causeway_limit_messages_total{result="refused"} 1',
    'causeway_limit_rate{unit="messages"} 100',
    'causeway_limit_burst{unit="messages"} 200',
    'causeway_limit_level{unit="messages",at="node"} 5',
    'causeway_limit_level{unit="messages",at="redis"} 120',
  ]);
  expect(of('scope="cluster",realm="",').slice(0, 2)).toEqual([
    'causeway_limit_messages_total{result="admitted"} 7',
    'causeway_limit_messages_total{result="refused"} 3',
  ]);
  const unlimited = { ...sourceOf(), limits: () => ({ ...LIMITS, cluster: null, realms: [] }) };
  expect((await lines(unlimited)).filter((line) => /^causeway_limit_(?!leases)/.test(line))).toEqual([]);
});

test('attempts that have to wait are counted, by what was tried', async () => {
  const counters = new Counters();
  const waits = [0, 5, 7];
  const attempts = countedAttempts({ take: async () => waits.shift() ?? 0, blockedFor: async () => 9 }, () => counters);
  expect([await attempts.take('connect', 'a'), await attempts.take('connect', 'a')]).toEqual([0, 5]);
  expect([await attempts.take('hello', 'p'), await attempts.blockedFor('failed_auth', 'a')]).toEqual([7, 9]);
  expect(counters.attemptsRefused).toMatchObject({ connect: 1, failed_auth: 1, hello: 1 });
});

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
  const answered = of('causeway_redis_command_seconds_count');
  expect(answered).toHaveLength(64);
  expect(answered.at(-1)).toBe('causeway_redis_command_seconds_count{command="other"} 4937');
});
