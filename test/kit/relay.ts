import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Child, startChild, untilReady } from './child.ts';
import { type Metrics, parseMetrics } from './metrics.ts';
import { freePorts } from './ports.ts';
import { startAll, stopAll } from './start-all.ts';
import { deferred, within } from './wait.ts';

const MAIN = fileURLToPath(new URL('../../services/relay/src/main.ts', import.meta.url));
const START_TIMEOUT_MS = 30_000;
const KEPT_LOG_LINES = 500;
/** What a relay gets of this process's environment: nothing that a developer or a test runner set for itself. */
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_EXTRA_CA_CERTS'];

export type Env = Readonly<Record<string, string>>;

/** One line of a relay's log. */
export type LogRecord = Readonly<Record<string, unknown>>;

export interface Relay {
  /** `ws://127.0.0.1:port`. */
  readonly url: string;
  /** `http://127.0.0.1:port`. */
  readonly adminUrl: string;
  readonly port: number;
  readonly pid: number;
  /** The CAUSEWAY_* variables; a relay started with them again has the same ports. */
  readonly env: Env;
  /** The last 500 lines, oldest first. */
  readonly logs: readonly LogRecord[];
  /** Calls the listener with each record from now on. @returns ends that */
  onRecord(listener: (record: LogRecord) => void): () => void;
  /** The record with which it said that it listens. */
  readonly listening: LogRecord;
  /** Exit code, or 128 + the signal's number. */
  readonly exited: Promise<number>;
  isAlive(): boolean;
  metrics(): Promise<Metrics>;
  /** Resident memory, bytes. */
  rss(): Promise<number>;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, and the exit code once it has drained. */
  stop(): Promise<number>;
}

export interface RelayOptions {
  /** CAUSEWAY_* variables over the kit's own. */
  readonly env?: Env;
  readonly redis?: { readonly url: string };
}

async function relayEnv({ env = {}, redis }: RelayOptions): Promise<Env> {
  const [port, adminPort] = await freePorts(2);
  return {
    CAUSEWAY_HOST: '127.0.0.1',
    CAUSEWAY_PORT: String(port),
    CAUSEWAY_ADMIN_HOST: '127.0.0.1',
    CAUSEWAY_ADMIN_PORT: String(adminPort),
    CAUSEWAY_LOG_LEVEL: 'info',
    ...(redis && { CAUSEWAY_REDIS_URL: redis.url }),
    ...env,
  };
}

function inheritedEnv(): Env {
  return Object.fromEntries(INHERITED.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

/** The record on a line of output, or null for one that is no JSON object (a stack trace, say). */
function parseRecord(line: string): LogRecord | null {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line) as LogRecord;
  } catch (error) {
    return { level: 'unparsed', line, error: String(error) };
  }
}

interface Launched {
  readonly child: Child;
  readonly logs: LogRecord[];
  readonly listeners: Set<(record: LogRecord) => void>;
  readonly listening: Promise<LogRecord>;
}

function launch(env: Env): Launched {
  const logs: LogRecord[] = [];
  const listeners = new Set<(record: LogRecord) => void>();
  const listening = deferred<LogRecord>();
  const child = startChild(process.execPath, [MAIN], {
    env: { ...inheritedEnv(), ...env },
    onLine(line) {
      const record = parseRecord(line) ?? { level: 'output', line };
      if (logs.push(record) > KEPT_LOG_LINES) logs.shift();
      if (record.event === 'listening') listening.resolve(record);
      for (const listener of listeners) listener(record);
    },
  });
  return { child, logs, listeners, listening: listening.promise };
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
  if (kibibytes === undefined) throw new Error(`process ${pid} has no resident memory`);
  return Number(kibibytes) * 1024;
}

async function fetchMetrics(adminUrl: string): Promise<Metrics> {
  const response = await fetch(`${adminUrl}/metrics`);
  if (!response.ok) throw new Error(`${adminUrl}/metrics answered ${response.status}: ${await response.text()}`);
  return parseMetrics(await response.text());
}

/** A relay that is expected to end by itself: its exit code and everything that it printed. */
export async function runRelay(
  options: RelayOptions = {},
): Promise<{ readonly code: number; readonly output: string }> {
  const lines: string[] = [];
  const env = { ...inheritedEnv(), ...(await relayEnv(options)) };
  const child = startChild(process.execPath, [MAIN], { env, onLine: (line) => lines.push(line) });
  try {
    const code = await within(child.exited, START_TIMEOUT_MS, () => `the relay to end:\n${child.tail()}`);
    await child.silent;
    return { code, output: lines.join('\n') };
  } finally {
    child.kill('SIGKILL');
  }
}

/** A relay process on ports of its own, returned when it listens. */
export async function startRelay(options: RelayOptions = {}): Promise<Relay> {
  const env = await relayEnv(options);
  const { child, logs, listeners, listening } = launch(env);
  try {
    await untilReady(child, listening, 'the relay', START_TIMEOUT_MS);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  const adminUrl = `http://127.0.0.1:${env.CAUSEWAY_ADMIN_PORT}`;
  return {
    url: `ws://127.0.0.1:${env.CAUSEWAY_PORT}`,
    adminUrl,
    port: Number(env.CAUSEWAY_PORT),
    pid: child.pid,
    env,
    logs,
    onRecord(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    listening: await listening,
    exited: child.exited,
    isAlive: child.isAlive,
    metrics: () => fetchMetrics(adminUrl),
    rss: () => residentBytes(child.pid),
    kill: child.kill,
    stop: () => (child.isAlive() ? child.stop('SIGTERM') : child.exited),
  };
}

export interface RelayCluster {
  readonly relays: readonly Relay[];
  stop(): Promise<void>;
}

export interface RelayClusterOptions {
  readonly relays?: number;
  readonly redis: { readonly url: string };
  readonly env?: Env;
}

/** Several relays at once over one Redis. */
export async function startCluster({ relays: count = 3, redis, env = {} }: RelayClusterOptions): Promise<RelayCluster> {
  const relays = await startAll(Array.from({ length: count }, () => startRelay({ redis, env })));
  return { relays, stop: () => stopAll(relays) };
}
