import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type Child, startChild, untilReady } from './child.ts';
import { deferred } from './wait.ts';

const START_TIMEOUT_MS = 10_000;
/** A command on a client whose server is away fails after about a second. */
const RETRY_MS = 50;
const RETRIES = 20;

const IN_MEMORY = ['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];
/** A replica's first sync otherwise waits 5 s for others to join it. */
const REPLICATION = ['--repl-diskless-sync-delay', '0'];
const LOCAL = ['--bind', '127.0.0.1', '--protected-mode', 'no', '--enable-debug-command', 'local'];

export type RedisRole = 'primary' | 'replica' | 'sentinel';

export interface RedisNode {
  readonly host: string;
  readonly port: number;
  /** Its working folder, of its own. */
  readonly folder: string;
  /** Of the process that runs, or of the last one that did. */
  readonly pid: number;
  /** What it was started as; after a failover ask the server (`ROLE`). */
  readonly role: RedisRole;
  /** A connection of the tests' own to this very server; it follows the server through restarts. */
  readonly client: Redis;
  isAlive(): boolean;
  /** SIGKILL by default. Returns when the process has ended; at once after SIGSTOP and SIGCONT. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on its port and in its folder, ending it first where it still runs. It comes back empty. */
  restart(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

export interface RedisNodeOptions {
  readonly port: number;
  readonly role: RedisRole;
  readonly args?: readonly string[];
  /** Lines of the configuration file; Sentinel needs one. */
  readonly config?: readonly string[];
}

function commandLine({ port, role, args = [] }: RedisNodeOptions, configFile: string): string[] {
  const common = [configFile, '--port', String(port), ...LOCAL];
  return role === 'sentinel' ? [...common, '--sentinel', ...args] : [...common, ...IN_MEMORY, ...REPLICATION, ...args];
}

function launch(options: RedisNodeOptions, folder: string): { child: Child; ready: Promise<void> } {
  const { promise, resolve } = deferred<void>();
  const child = startChild('redis-server', commandLine(options, join(folder, 'redis.conf')), {
    folder,
    onLine: (line) => {
      if (line.includes('Ready to accept connections') || line.includes('Sentinel ID is')) resolve();
    },
  });
  return { child, ready: untilReady(child, promise, `redis-server on port ${options.port}`, START_TIMEOUT_MS) };
}

function connect(port: number): Redis {
  const client = new Redis({
    host: '127.0.0.1',
    port,
    lazyConnect: true,
    retryStrategy: () => RETRY_MS,
    maxRetriesPerRequest: RETRIES,
  });
  // Commands report what went wrong; without a listener ioredis prints each failed attempt.
  client.on('error', () => undefined);
  return client;
}

/** One redis-server process (or Sentinel) on 127.0.0.1, without persistence, in a folder of its own. */
export async function startRedisNode(options: RedisNodeOptions): Promise<RedisNode> {
  const folder = await mkdtemp(join(tmpdir(), 'causeway-redis-'));
  await writeFile(join(folder, 'redis.conf'), `${(options.config ?? []).join('\n')}\n`);
  const { port, role } = options;
  let { child, ready } = launch(options, folder);
  const client = connect(port);

  const node: RedisNode = {
    host: '127.0.0.1',
    port,
    folder,
    role,
    client,
    get pid() {
      return child.pid;
    },
    isAlive: () => child.isAlive(),
    async kill(signal = 'SIGKILL') {
      child.kill(signal);
      if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await child.exited;
    },
    async restart() {
      if (child.isAlive()) await node.kill();
      ({ child, ready } = launch(options, folder));
      await ready;
    },
    async stop() {
      client.disconnect();
      if (child.isAlive()) await node.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await ready;
  } catch (error) {
    await node.stop();
    throw error;
  }
  return node;
}
