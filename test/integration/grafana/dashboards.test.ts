import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Authority, NO_OPENSSL } from '../../kit/authority.ts';
import { nodeOf } from '../../kit/observe.ts';
import { type Collector, startCollector } from '../../kit/otlp.ts';
import { startRedisCluster } from '../../kit/redis.ts';
import { holderOf } from '../../kit/redis-holder.ts';
import { type Relay, startCluster, startRelay } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import { waitFor } from '../../kit/wait.ts';
import { ADMIN_TOKENS } from '../admin.ts';
import {
  comeAndGo,
  converse,
  FAILED_AUTH,
  fillInbox,
  forgetAppends,
  INBOX_BYTES,
  limit,
  MAILBOX_MESSAGES,
  type Stage,
  store,
} from './commotion.ts';
import { ANNOTATIONS, CHOICES, PANELS } from './panels.ts';
import { draw } from './picture.ts';
import { NO_PROMETHEUS, type Prometheus, type Rule, type Series, startPrometheus } from './prometheus.ts';
import { FAILED_JOINS, tunnel, WINDOW_BYTES } from './tunnelling.ts';

const MISSING = NO_PROMETHEUS ?? NO_OPENSSL;
if (MISSING !== null) console.warn(`the dashboards are not tried: ${MISSING}`);

const ENV = {
  CAUSEWAY_REGION: 'eu',
  CAUSEWAY_NODE_LEASE_MS: '6000',
  CAUSEWAY_DRAIN_SECONDS: '8',
  CAUSEWAY_ACK_TIMEOUT_MS: '500',
  CAUSEWAY_MAILBOX_MESSAGES: String(MAILBOX_MESSAGES),
  CAUSEWAY_INBOX_BYTES: String(INBOX_BYTES),
  CAUSEWAY_USAGE_FLUSH_SECONDS: '1',
  CAUSEWAY_ATTEMPTS_FAILED_AUTH: `${FAILED_AUTH}/60/60`,
  CAUSEWAY_ATTEMPTS_JOIN: `${FAILED_JOINS}/60/60`,
  CAUSEWAY_TUNNEL_WINDOW: String(WINDOW_BYTES),
  CAUSEWAY_ADMIN_TOKENS: ADMIN_TOKENS,
  OTEL_TRACES_SAMPLER: 'traceidratio',
  OTEL_TRACES_SAMPLER_ARG: '0.1',
};

/** What a panel has to show; the rest shows the load. */
const FAULTS: Readonly<Record<string, Phase>> = {
  'Inbox lag': 'stop',
  'Live nodes': 'kill',
  'Nodes by state': 'kill',
  Deaths: 'kill',
  'Tunnels closed by the relay': 'kill',
  'Appends repeated': 'redis',
  'Appends refused': 'stop',
  Errors: 'redis',
  Latency: 'redis',
  'Latency by command': 'redis',
  'Latency by node': 'redis',
  Slots: 'redis',
  'Ready and draining': 'drain',
};
const FIRES = { CausewayInboxLag: 'stop', CausewayNodeDied: 'kill', CausewayRedisErrors: 'redis' } as const;
const EVENTS = { 'Changes of limits': 'load', Deaths: 'kill', Drains: 'drain' } as const;

/** As docs/tracing.md has it. */
const EXEMPLARS = ['--enable-feature=exemplar-storage'];

const PHASES = ['quiet', 'load', 'stop', 'kill', 'redis', 'drain'] as const;
type Phase = (typeof PHASES)[number];
interface Span {
  readonly from: number;
  readonly to: number;
}

/** A rate over five seconds knows of nothing but the phase then. */
const SETTLE_MS = 6000;
/** Longer than an inbox may lag, shorter than a lease. */
const STOPPED_MS = 3000;
/** Longer than a command may take. */
const HUNG_MS = 1500;

const servers = new Scope();
const crowd = new Scope();
const spans = new Map<Phase, Span>();
let collector: Collector;
let prometheus: Prometheus;

async function phase(name: Phase, run: () => Promise<unknown>): Promise<void> {
  const from = Math.floor(Date.now() / 1000);
  await run();
  spans.set(name, { from, to: Math.floor(Date.now() / 1000) });
}

const span = (name: Phase): Span => spans.get(name) as Span;

async function evaluate(expr: string): Promise<Series[]> {
  return prometheus.range(expr, span('quiet').from, Math.floor(Date.now() / 1000));
}

function within({ values }: Series, { from, to }: Span): number[] {
  return [...values].filter(([at]) => at >= from && at <= to).map(([, value]) => value);
}

/** Whether some series goes where it never was while all was quiet. */
function moves(series: readonly Series[], name: Phase): boolean {
  return series.some((one) => {
    const before = within(one, span('quiet'));
    return within(one, span(name)).some((value) => value > Math.max(...before) || value < Math.min(...before));
  });
}

async function untilFiring(alert: string): Promise<void> {
  const fires = async (): Promise<boolean> => {
    const now = Math.floor(Date.now() / 1000);
    return (await prometheus.range(`ALERTS{alertname="${alert}", alertstate="firing"}`, now - 1, now)).length > 0;
  };
  await waitFor(fires, { what: `${alert} fires`, timeoutMs: 30_000 });
}

/** Pictures of the dashboards for the documents, into a folder. */
async function drawAll(folder: string): Promise<void> {
  const [from, to] = [span('quiet').from, span('drain').to];
  const marks = PHASES.slice(1).map((name) => ({ name, at: span(name).from }));
  for (const file of new Set(PANELS.map((panel) => panel.file))) {
    const panels = PANELS.filter((panel) => panel.file === file).map(async ({ title, exprs }) => ({
      title,
      series: (await Promise.all(exprs.map((expr) => prometheus.range(expr, from, to)))).flat(),
    }));
    const name = basename(file, '.json');
    writeFileSync(join(folder, `dashboard-${name}.svg`), draw(name, await Promise.all(panels), from, to, marks));
  }
}

async function setUp(): Promise<Stage> {
  const redis = servers.keep(await startRedisCluster({ replicas: 1 }));
  const authority = servers.keep(new Authority());
  const secret = join(authority.folder, 'secret');
  writeFileSync(secret, randomBytes(32).toString('hex'));
  collector = servers.keep(await startCollector());
  const env = { ...ENV, ...collector.env, CAUSEWAY_TOKEN_SECRET_FILE: secret };
  const { relays } = servers.keep(await startCluster({ relays: 3, redis, env }));
  const files = authority.files('grafana', authority.issue('grafana'));
  const tls = { CAUSEWAY_TLS_CERT_FILE: files.certFile, CAUSEWAY_TLS_KEY_FILE: files.keyFile };
  const secure = servers.keep(await startRelay({ redis, env: { ...env, ...tls } }));
  const all = [...relays, secure];
  const targets = all.map(({ adminUrl }) => `          - ${new URL(adminUrl).host}\n`).join('');
  const changes = [
    [/15s|5s/g, '1s'],
    [/( {10}- 127\.0\.0\.1:\d+\n)+/g, targets],
  ] as const;
  prometheus = servers.keep(await startPrometheus({ config: 'prometheus.yaml', changes, args: EXEMPLARS }));
  await waitFor(
    async () => (await prometheus.targets()).filter(({ health }) => health === 'up').length === all.length,
    {
      what: 'all relays are scraped',
    },
  );
  return { relays, redis, scope: crowd };
}

async function live(stage: Stage): Promise<void> {
  const [first, second, third] = stage.relays as readonly [Relay, Relay, Relay];
  await phase('quiet', () => sleep(SETTLE_MS));
  await phase('load', async () => {
    await converse(stage);
    await Promise.all([comeAndGo(stage), store(stage), limit(stage), tunnel(stage)]);
    await sleep(SETTLE_MS);
  });
  await phase('stop', async () => {
    second.kill('SIGSTOP');
    await fillInbox(stage);
    await sleep(STOPPED_MS);
    await forgetAppends(stage);
    second.kill('SIGCONT');
    await untilFiring('CausewayInboxLag');
    await sleep(SETTLE_MS);
  });
  await phase('kill', async () => {
    third.kill('SIGKILL');
    await untilFiring('CausewayNodeDied');
    await sleep(SETTLE_MS);
  });
  await phase('redis', async () => {
    // The one that has an inbox which is written to.
    const primary = await holderOf(stage.redis, `cw:{n:${await nodeOf(first)}}:state`);
    await primary.kill('SIGSTOP');
    await sleep(HUNG_MS);
    await primary.kill();
    await untilFiring('CausewayRedisErrors');
    await sleep(SETTLE_MS);
  });
  await phase('drain', async () => {
    await second.stop();
    await sleep(1000);
  });
}

describe.skipIf(MISSING !== null)('Prometheus, scraping real relays', () => {
  let rules: Rule[] = [];
  beforeAll(async () => {
    const stage = await setUp();
    await live(stage);
    rules = await prometheus.rules();
  }, 170_000);
  afterAll(async () => {
    if (process.env.CAUSEWAY_PICTURES) await drawAll(process.env.CAUSEWAY_PICTURES);
    await crowd.end();
    await servers.end();
  });

  test('every panel has data, and moves with what it is there for', async () => {
    const empty: string[] = [];
    const still: string[] = [];
    for (const { file, title, exprs } of PANELS) {
      const during = FAULTS[title] ?? 'load';
      for (const expr of exprs) {
        const series = await evaluate(expr);
        if (series.every((one) => within(one, span(during)).length === 0)) empty.push(`${file} ${title}: ${expr}`);
        else if (!moves(series, during)) still.push(`${file} ${title}, ${during}: ${expr}`);
      }
    }
    expect([empty, still]).toEqual([[], []]);
    expect(Object.keys(FAULTS).filter((title) => PANELS.every((panel) => panel.title !== title))).toEqual([]);
  });

  test('what asks for traces has some, of which the collector was told', async () => {
    const told = new Set(collector.spans.map(({ traceId }) => traceId));
    const traced = PANELS.flatMap((panel) => panel.traced);
    expect(traced.length).toBeGreaterThan(5);
    for (const expr of traced) {
      const traces = await prometheus.traces(expr, span('load').from, span('drain').from);
      expect(
        traces.filter((trace) => told.has(trace)),
        expr,
      ).not.toEqual([]);
    }
  });

  test('every variable has its choices', async () => {
    for (const { name, label, selector } of CHOICES) {
      // One cluster alone has no name.
      if (name !== 'cluster') expect(await prometheus.labelValues(label, selector), name).not.toEqual([]);
    }
  });

  test('what happens is drawn as a line when it happens, and not before', async () => {
    expect([...ANNOTATIONS.keys()].sort()).toEqual(Object.keys(EVENTS).sort());
    for (const [name, during] of Object.entries(EVENTS)) {
      const series = await evaluate(ANNOTATIONS.get(name) as string);
      const found = PHASES.filter((one) => series.some((line) => within(line, span(one)).length > 0));
      expect(found, name).toContain(during);
      expect(found, name).not.toContain('quiet');
    }
  });

  test('every rule is evaluated, and has data', async () => {
    expect(rules.length).toBeGreaterThan(30);
    expect(rules.filter(({ health }) => health !== 'ok').map(({ name, lastError }) => [name, lastError])).toEqual([]);
    for (const { name, query, type } of rules) {
      // What an alert compares has data, whether it fires or not.
      const compared = query.replaceAll(/ (?:>|<|==) (?:\d[\d.]*|\([\d.e* -]+\))/g, '');
      expect(type === 'alerting' ? compared : '', name).not.toMatch(/[<>=] \d/);
      expect(await evaluate(type === 'alerting' ? compared : query), name).not.toEqual([]);
    }
  });

  test('the alerts for a lagging inbox, a death and errors of Redis fire when it happens, and not before', async () => {
    for (const [alert, during] of Object.entries(FIRES)) {
      const series = await evaluate(`ALERTS{alertname="${alert}", alertstate="firing"}`);
      const first = Math.min(...series.flatMap(({ values }) => [...values.keys()]));
      expect(first, alert).toBeGreaterThanOrEqual(span(during).from);
      expect(first, alert).toBeLessThanOrEqual(span(during).to);
    }
  });
});
