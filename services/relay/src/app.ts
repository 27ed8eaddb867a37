import { createLogger, Lifecycle, type Logger, type Lifecycle as Parts } from '@causeway/service-kit';
import packageJson from '../package.json' with { type: 'json' };
import type { Operations } from './admin/operations.ts';
import { type Admin, createAdmin } from './admin/server.ts';
import { AdminTokens } from './admin/tokens.ts';
import { toAttemptLimits } from './attempts-config.ts';
import { createRedisStore } from './cluster/store.ts';
import type { RedisTarget } from './cluster/url.ts';
import type { RelayConfig } from './config.ts';
import { relayControls } from './controls.ts';
import type { Clock, Timers } from './core/clock.ts';
import type { Store } from './core/ports.ts';
import type { Settings } from './core/settings.ts';
import { createServer, type Edge } from './edge/server.ts';
import { reportedTls } from './edge/tls-report.ts';
import { createEmbeddedStore } from './embedded/store.ts';
import { Governance } from './governance.ts';
import { memoryBound } from './memory-bound.ts';
import { RelayNode } from './node.ts';
import { createOperations } from './operations.ts';
import { Readiness } from './readiness.ts';
import { randomHex, toSettings } from './settings.ts';
import { countedAttempts } from './telemetry/counted-attempts.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { RedisStats } from './telemetry/redis-stats.ts';
import type { RelayTracing } from './tracing.ts';

/** The parts have a little longer than the drain, so that a store that hangs ends in an error and not in silence. */
const STOP_SLACK_MS = 2000;
/** The same fault of a connection to Redis is logged once in this time. */
const REPEAT_FAULT_MS = 10_000;

const clock: Clock = { now: () => Date.now() };

const timers: Timers = {
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
  soon(call) {
    setImmediate(call);
  },
};

export interface App {
  readonly lifecycle: Parts;
  readonly logger: Logger;
}

/**
 * One relay process, put together and not started.
 * @param redis null for a relay by itself
 * @param tracing null for none
 * @param onDrained called when a drain that the operator asked for is over; `clean`: without an error and in time
 */
export function createApp(
  config: RelayConfig,
  redis: RedisTarget | null,
  tracing: RelayTracing | null,
  onDrained: (clean: boolean) => void,
): App {
  const drainMs = config.drainSeconds * 1000;
  const logger = createLogger({ service: 'relay', level: config.logLevel });
  const redisStats = new RedisStats();
  const shared = createStore(config, redis, redisStats, logger);
  const store: Store = { ...shared, attempts: countedAttempts(shared.attempts, () => relay.counters) };
  const governance = new Governance({
    config,
    store,
    clock,
    timers,
    log: logger,
    node: () => relay.settings.node,
    randomHex,
    onPolicy: () => relay.current.applyPolicy(),
    onAccess: () => relay.current.recheck(),
  });
  const relay = new RelayNode({
    settings: (node) => toSettings(config, node),
    store,
    clock,
    timers,
    logger,
    authenticator: governance.gatekeeper,
    tracer: tracing?.tracer ?? null,
    policy: () => governance.policy,
    connections: () => edge.connections,
  });
  const readiness = new Readiness({
    relay,
    health: store.health,
    connections: () => edge.connections,
    maxConnections: config.maxConnections,
  });
  const edge = createEdge(config, relay, readiness, logger);
  const drain = (): void => {
    logger.info({ event: 'drain' }, 'draining, as the operator asked');
    void lifecycle.stop().then(onDrained);
  };
  const controls = relayControls(relay, () => edge.connections, drain);
  const operations = createOperations({
    store,
    relay: () => controls,
    policy: () => governance.policy,
    defaultAuth: config.auth,
    mailboxTtlMs: relay.settings.mailboxTtlMs,
    drainMs,
    clock,
    timers,
    log: logger,
  });
  const version = (): number => governance.policy.version;
  const admin = createAdminServer(config, relay, edge, readiness, redisStats, operations, store, version, logger);
  const parts = [
    // Behind all the others, whose last spans it sends.
    ...(tracing === null ? [] : [{ name: 'tracing', stop: () => tracing.stop() }]),
    { name: 'store', stop: () => store.close() },
    // Before the relay, which waits for Redis: who asks meanwhile is told that the process lives and is not ready.
    { name: 'admin', start: () => admin.listen(), stop: () => admin.close() },
    { name: 'relay', start: () => relay.start(), stop: () => relay.stop(drainMs) },
    // Behind the relay, which waits until Redis is there.
    { name: 'governance', start: () => governance.start(), stop: () => governance.stop() },
    { name: 'edge', start: () => edge.listen(), stop: () => edge.closeAll() },
    {
      name: 'clients',
      start: () => announce(config, relay, edge, admin, logger),
      stop: () => sendAway(readiness, edge, relay, drainMs),
    },
  ];
  const lifecycle = new Lifecycle(parts, { logger, stopTimeoutMs: drainMs + STOP_SLACK_MS });
  return { lifecycle, logger };
}

function createStore(config: RelayConfig, redis: RedisTarget | null, stats: RedisStats, logger: Logger): Store {
  const attempts = toAttemptLimits(config);
  if (redis === null) return createEmbeddedStore(undefined, attempts);
  return createRedisStore({
    target: redis,
    attempts,
    prefix: config.redisPrefix,
    minReplicas: config.redisMinReplicas,
    release: packageJson.version,
    onCommand: stats.onCommand,
    onError: redisFaultLog(logger),
  });
}

/** While Redis is away, each attempt to reconnect fails alike, several times a second. */
function redisFaultLog(logger: Logger): (error: NodeJS.ErrnoException) => void {
  let last = '';
  let repeatAt = 0;
  return (error) => {
    // Where a host has several addresses, the error for all of them has a code only.
    const reason = error.message || (error.code ?? error.name);
    const now = clock.now();
    if (reason === last && now < repeatAt) return;
    last = reason;
    repeatAt = now + REPEAT_FAULT_MS;
    logger.warn({ reason }, 'connection to Redis');
  };
}

function createEdge(config: RelayConfig, relay: RelayNode, readiness: Readiness, logger: Logger): Edge {
  const { counters } = relay;
  const { tlsCertFile: certFile, tlsKeyFile: keyFile } = config;
  return createServer({
    host: config.host,
    port: config.port,
    sharedPort: config.sharedPort,
    tls: certFile === null || keyFile === null ? null : reportedTls({ certFile, keyFile }, counters, logger),
    origins: config.origins,
    trustedProxies: config.trustedProxies,
    proxyProtocol: config.proxyProtocol === 'v2',
    maxConnections: config.maxConnections,
    heartbeatMs: config.heartbeatMs,
    deliveryWindowBytes: relay.settings.deliveryWindowBytes,
    outboundBytes: config.outboundBytes,
    identity: () => ({
      name: 'causeway',
      version: packageJson.version,
      node: relay.settings.node,
      region: config.region,
    }),
    async health() {
      const [reason] = await readiness.reasons();
      return reason === undefined ? { ready: true } : { ready: false, reason };
    },
    open: (connection) => relay.open(connection),
    dropped: (reason) => counters.drop(reason),
    closed: (code) => counters.closed(code),
  });
}

function createAdminServer(
  config: RelayConfig,
  relay: RelayNode,
  edge: Edge,
  readiness: Readiness,
  redis: RedisStats,
  operations: Operations,
  { attempts, health }: Store,
  policyVersion: () => number,
  logger: Logger,
): Admin {
  const metrics = createMetrics({
    counters: relay.counters,
    gauges: () => relay.gauges(edge.connections),
    redis,
    isReady: () => readiness.isReady,
    isDraining: () => relay.current.isDraining,
    maxConnections: config.maxConnections,
    nodes: () => relay.current.nodes(),
    limits: (realms) => relay.current.tenancy.limiter.report(realms),
    policyVersion,
    redisSlots: () => health.slots(),
    certificateNotAfter: () => edge.certificateNotAfter,
    build: () => ({ version: packageJson.version, node: relay.settings.node, region: config.region }),
  });
  return createAdmin({
    host: config.adminHost,
    port: config.adminPort,
    tokens: new AdminTokens(config.adminTokensFile ?? config.adminTokens),
    operations,
    attempts,
    async metrics(format) {
      // Otherwise `causeway_ready` would tell of the last time that somebody asked.
      await readiness.reasons();
      return metrics.render(format);
    },
    notReady: () => readiness.reasons(),
    failed: (err, path) => logger.error({ err, path }, 'a request to the admin port failed unexpectedly'),
  });
}

/** Clients are told before the sockets go, so that they come back elsewhere at once. */
async function sendAway(readiness: Readiness, edge: Edge, relay: RelayNode, drainMs: number): Promise<void> {
  readiness.stop();
  edge.stopListening();
  await relay.stop(drainMs);
}

function announce(config: RelayConfig, relay: RelayNode, edge: Edge, admin: Admin, logger: Logger): void {
  const base = `${config.tlsCertFile === null ? 'ws' : 'wss'}://${hostForUrl(config.host)}`;
  const url = `${base}:${edge.port}`;
  const shared = edge.sharedPort === 0 ? {} : { sharedUrl: `${base}:${edge.sharedPort}` };
  logMemoryBound(config, relay.settings, logger);
  logger.info(
    {
      event: 'listening',
      node: relay.settings.node,
      url,
      ...shared,
      adminUrl: `http://${hostForUrl(config.adminHost)}:${admin.port}`,
      coordination: config.redisUrl === null ? 'embedded' : 'redis',
      try: [
        `npx causeway listen --as bob --url ${url}`,
        `npx causeway send --as alice bob hello --url ${url}`,
        `any WebSocket client: ${url}/v1, subprotocol causeway.v1.json, then send {"type":"hello","peer":"carol"} and {"type":"send","to":"bob","text":"hi"}`,
      ],
    },
    `listening on ${url}`,
  );
}

/** So that nobody learns from the system's killer of processes how much a node may need. */
function logMemoryBound({ maxConnections, outboundBytes, redisUrl }: RelayConfig, settings: Settings, logger: Logger) {
  const inboxBytes = redisUrl === null ? 0 : settings.inboxBytes;
  const bytes = memoryBound({ ...settings, maxConnections, outboundBytes, inboxBytes });
  logger.info(
    { event: 'memory_bound', bytes },
    `memory can grow to ${Math.ceil(bytes.total / 2 ** 20)} MiB at the worst`,
  );
}

function hostForUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
