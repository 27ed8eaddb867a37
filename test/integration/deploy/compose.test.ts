/** What the files around compose.yaml say of each other, and the judgement of Compose's own loader. No engine runs here. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadRelayConfig, type RelayConfig } from '../../../services/relay/src/config.ts';
import { run } from '../../e2e/run.ts';
import { missing, titled } from './programs.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const DEPLOY = join(ROOT, 'deploy');
const LOADER = 'github.com/compose-spec/compose-go/v2/cmd@v2.16.2';
const SLACK_SECONDS = 5;

interface Service {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly command?: readonly string[];
  readonly networks?: { readonly default: { readonly ipv4_address: string } };
  readonly stop_grace_period?: string;
  readonly depends_on?: object;
  readonly [key: string]: unknown;
}

const read = (file: string): string => readFileSync(join(DEPLOY, file), 'utf8');
// biome-ignore lint/suspicious/noExplicitAny: the files have many forms
const yaml = (file: string): any => parse(read(file), { merge: true });
const COMPOSE: Record<string, Service> = yaml('compose.yaml').services;
const WITH_NGINX: Record<string, Service> = yaml('compose.nginx.yaml').services;
const NAMES = Object.keys(COMPOSE);
const RELAYS = NAMES.filter((name) => /^relay\d$/.test(name));
const REDIS = NAMES.filter((name) => /^redis\d$/.test(name));
const NO_GO = missing('go', 'version');

const address = (service: Service | undefined): string | undefined => service?.networks?.default.ipv4_address;

/** As a container would read it: `${NAME:-default}` is the default. */
function relayConfig(...environments: (Service['environment'] | undefined)[]): RelayConfig {
  const env = Object.assign({}, ...environments) as Record<string, string>;
  const values = Object.entries(env).map(([name, value]) => [name, value.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')]);
  const loaded = loadRelayConfig(Object.fromEntries(values));
  if (!loaded.ok) throw new Error(loaded.problems.join('\n'));
  return loaded.config;
}

/** Where a path of a container comes from in the repository; null for a volume. */
function mounts(service: Service | undefined): { from: string; to: string }[] {
  return (service?.volumes ?? [])
    .map((volume) => volume.split(':'))
    .filter(([from]) => from?.startsWith('.'))
    .map(([from = '', to = '']) => ({ from: join(DEPLOY, from), to }));
}

describe.skipIf(NO_GO)(titled("Compose's loader", NO_GO), () => {
  test.each([[['compose.yaml']], [['compose.yaml', 'compose.nginx.yaml']]])('accepts %j', async (files) => {
    const { code, stderr } = await run('go', ['run', LOADER, ...files], { cwd: DEPLOY });
    expect([code, stderr.replaceAll(/^go: .*\n/gm, '')]).toEqual([0, '']);
  });
});

test('three relays that are alike, six servers of Redis, and what watches them', () => {
  expect([RELAYS.length, REDIS.length]).toEqual([3, 6]);
  expect(NAMES).toEqual(
    expect.arrayContaining(['haproxy', 'redis-cluster', 'prometheus', 'grafana', 'otel-collector', 'jaeger']),
  );
  for (const name of RELAYS) expect(COMPOSE[name]).toEqual(COMPOSE.relay1);
});

test('every image has a version, and every mounted file is there', () => {
  for (const [name, { image = '' }] of Object.entries({ ...WITH_NGINX, ...COMPOSE })) {
    expect(image, name).toMatch(/:v?\d+\.\d+\.\d+(-\w+)?\}?$/);
  }
  const all = [...Object.values(COMPOSE), ...Object.values(WITH_NGINX)].flatMap(mounts);
  expect(all.length).toBeGreaterThan(7);
  expect(all.filter(({ from }) => !existsSync(from))).toEqual([]);
});

test('ports are open to this machine only', () => {
  const ports = [...Object.values(COMPOSE), ...Object.values(WITH_NGINX)].flatMap(({ ports = [] }) => ports);
  expect(ports.length).toBeGreaterThan(4);
  expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
});

test('the relays get variables that there are, trust their proxy, and have time to drain', () => {
  const { relay1, haproxy } = COMPOSE;
  const config = relayConfig(relay1?.environment);
  expect(config.proxyProtocol).toBe('v2');
  expect(relay1?.environment?.CAUSEWAY_TRUSTED_PROXIES).toBe(address(haproxy));
  expect(Number.parseInt(relay1?.stop_grace_period ?? '', 10)).toBeGreaterThan(config.drainSeconds + SLACK_SECONDS);
  expect(relay1).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });

  // A proxy sends a relay no more clients than it takes: it would not be ready any more.
  const most = [
    ...`${read('haproxy/haproxy.cfg')}${read('nginx/nginx.conf')}`.matchAll(
      /(?:slowstart 30s maxconn |max_conns=)(\d+)/g,
    ),
  ];
  expect(most).toHaveLength(4);
  for (const [, count] of most) expect(Number(count)).toBeLessThan(config.maxConnections);

  const behindNginx = relayConfig(relay1?.environment, WITH_NGINX.relay1?.environment);
  expect([behindNginx.proxyProtocol, address(WITH_NGINX.nginx)]).toEqual(['off', address(haproxy)]);
});

test('Redis servers are known by the addresses that they have', () => {
  const own = REDIS.map((name) => `${address(COMPOSE[name])}:6379`);
  expect(COMPOSE['redis-cluster']?.command?.slice(2)).toEqual(own);
  const [, known = ''] = COMPOSE.relay1?.environment?.CAUSEWAY_REDIS_URL?.split('//') ?? [];
  expect(own).toEqual(expect.arrayContaining(known.split(',')));
  for (const name of REDIS) {
    expect(COMPOSE[name]?.command?.join(' ')).toContain('--maxmemory-policy noeviction');
    expect(Object.keys(COMPOSE['redis-cluster']?.depends_on ?? {})).toContain(name);
  }
});

test('proxies, Prometheus and Grafana name services, and ports that they listen at', () => {
  const servers = (file: string) => [...read(file).matchAll(/^\s*server (?:relay\d )?(\w+:\d+)/gm)].map(([, to]) => to);
  const publicPorts = RELAYS.map((name) => `${name}:7070`);
  expect(servers('haproxy/haproxy.cfg')).toEqual(publicPorts);
  expect(servers('nginx/nginx.conf')).toEqual(publicPorts);

  const jobs: { job_name: string; static_configs: { targets: string[] }[] }[] =
    yaml('prometheus/prometheus.yaml').scrape_configs;
  const targets = Object.fromEntries(jobs.map((job) => [job.job_name, job.static_configs[0]?.targets]));
  expect(targets).toEqual({ causeway: RELAYS.map((name) => `${name}:7071`), haproxy: ['haproxy:8404'] });
  expect(read('haproxy/haproxy.cfg')).toContain('bind :8404');

  const { datasources } = yaml('grafana/provisioning/datasources/causeway.yaml');
  const [metrics, traces] = datasources;
  expect([metrics.url, traces.url]).toEqual(['http://prometheus:9090', 'http://jaeger:16686']);
  expect(metrics.jsonData.exemplarTraceIdDestinations[0].datasourceUid).toBe(traces.uid);
});

test('Grafana is given the dashboards, Prometheus the rules', () => {
  const source = (service: string, path: string) =>
    mounts(COMPOSE[service]).find(({ to }) => path === to || path.startsWith(`${to}/`));
  const [provider] = yaml('grafana/provisioning/dashboards/causeway.yaml').providers;
  const dashboards = source('grafana', provider.options.path);
  expect(dashboards?.from).toBe(join(ROOT, 'grafana/dashboards'));
  const home = COMPOSE.grafana?.environment?.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH ?? '';
  expect(existsSync(home.replace(dashboards?.to ?? '', dashboards?.from ?? ''))).toBe(true);

  const [file = ''] = COMPOSE.prometheus?.command?.flatMap((arg) => arg.match(/(?<=--config.file=).*/) ?? []) ?? [];
  const rules = join(dirname(file), dirname(yaml('prometheus/prometheus.yaml').rule_files[0]));
  expect(globSync('*.yaml', { cwd: source('prometheus', rules)?.from ?? '' })).toContain('alerts.yaml');
});

test('spans go from the relays through the collector to Jaeger', () => {
  const { receivers, processors, exporters, service } = yaml('otel/collector.yaml');
  const { traces } = service.pipelines;
  expect([Object.keys(receivers), Object.keys(processors), Object.keys(exporters)]).toEqual([
    traces.receivers,
    traces.processors,
    traces.exporters,
  ]);
  const to = COMPOSE.relay1?.environment?.OTEL_EXPORTER_OTLP_ENDPOINT ?? '';
  expect(new URL(to).hostname).toBe('otel-collector');
  expect(receivers.otlp.protocols.http.endpoint).toBe(`0.0.0.0:${new URL(to).port}`);
  expect(NAMES).toContain(exporters['otlp/jaeger'].endpoint.split(':')[0]);
});
