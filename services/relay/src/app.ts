import { createLogger, Lifecycle, type Logger, type Lifecycle as Parts } from '@causeway/service-kit';
import packageJson from '../package.json' with { type: 'json' };
import { type Admin, createAdmin } from './admin/server.ts';
import { createRedisStore } from './cluster/store.ts';
import type { RedisTarget } from './cluster/url.ts';
import type { RelayConfig } from './config.ts';
import type { Clock, Timers } from './core/clock.ts';
import type { Store } from './core/ports.ts';
import { Relay } from './core/relay.ts';
import { createServer, type Edge } from './edge/server.ts';
import { createEmbeddedStore } from './embedded/store.ts';
import { Readiness } from './readiness.ts';
import { newNodeId, toSettings } from './settings.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { RedisStats } from './telemetry/redis-stats.ts';

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

/** One relay process, put together and not started. `redis` is null for a relay by itself. */
export function createApp(config: RelayConfig, redis: RedisTarget | null): App {
  const node = newNodeId();
  const settings = toSettings(config, node);
  const drainMs = config.drainSeconds * 1000;
  const logger = createLogger({ service: 'relay', node, level: config.logLevel });
  const redisStats = new RedisStats();
  const store = createStore(config, redis, redisStats, logger);
  const relay = new Relay({ settings, store, clock, timers, log: logger });
  const readiness = new Readiness({
    relay,
    health: store.health,
    connections: () => edge.connections,
    maxConnections: config.maxConnections,
  });
  const edge = createEdge(config, relay, readiness, node);
  const admin = createAdminServer(config, relay, edge, readiness, redisStats, node);
  const parts = [
    { name: 'store', stop: () => store.close() },
    // Before the relay, which waits for Redis: who asks meanwhile is told that the process lives and is not ready.
    { name: 'admin', start: () => admin.listen(), stop: () => admin.close() },
    { name: 'relay', start: () => relay.start(() => edge.connections), stop: () => relay.stop(drainMs) },
    { name: 'edge', start: () => edge.listen(), stop: () => edge.closeAll() },
    {
      name: 'clients',
      start: () => announce(config, edge, admin, logger),
      stop: () => sendAway(readiness, edge, relay, drainMs),
    },
  ];
  return { lifecycle: new Lifecycle(parts, { logger, stopTimeoutMs: drainMs + STOP_SLACK_MS }), logger };
}

function createStore(config: RelayConfig, redis: RedisTarget | null, stats: RedisStats, logger: Logger): Store {
  if (redis === null) return createEmbeddedStore();
  return createRedisStore({
    target: redis,
    prefix: config.redisPrefix,
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

function createEdge(config: RelayConfig, relay: Relay, readiness: Readiness, node: string): Edge {
  const { counters } = relay;
  return createServer({
    host: config.host,
    port: config.port,
    sharedPort: config.sharedPort,
    maxConnections: config.maxConnections,
    heartbeatMs: config.heartbeatMs,
    deliveryWindowBytes: relay.settings.deliveryWindowBytes,
    identity: { name: 'causeway', version: packageJson.version, node, region: config.region },
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
  relay: Relay,
  edge: Edge,
  readiness: Readiness,
  redis: RedisStats,
  node: string,
): Admin {
  const metrics = createMetrics({
    counters: relay.counters,
    gauges: () => relay.gauges(edge.connections),
    redis,
    isReady: () => readiness.isReady,
    build: { version: packageJson.version, node, region: config.region },
  });
  return createAdmin({
    host: config.adminHost,
    port: config.adminPort,
    async metrics() {
      // Otherwise `causeway_ready` would tell of the last time that somebody asked.
      await readiness.reasons();
      return { contentType: metrics.contentType, body: await metrics.render() };
    },
    notReady: () => readiness.reasons(),
  });
}

/** Clients are told before the sockets go, so that they come back elsewhere at once. */
async function sendAway(readiness: Readiness, edge: Edge, relay: Relay, drainMs: number): Promise<void> {
  readiness.stop();
  edge.stopListening();
  await relay.stop(drainMs);
}

function announce(config: RelayConfig, edge: Edge, admin: Admin, logger: Logger): void {
  const url = `ws://${hostForUrl(config.host)}:${edge.port}`;
  const shared = edge.sharedPort === 0 ? {} : { sharedUrl: `ws://${hostForUrl(config.host)}:${edge.sharedPort}` };
  logger.info(
    {
      event: 'listening',
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

function hostForUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
