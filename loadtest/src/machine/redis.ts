import { Redis } from 'ioredis';
import { freePorts, type Started, start, untilReady } from './processes.ts';

export interface RedisServer {
  readonly url: string;
  readonly process: Started;
  /** Calls of each command since the start, those made inside scripts included; `info` left out: the benchmark's own. */
  commandCalls(): Promise<Map<string, number>>;
  usedMemoryBytes(): Promise<number>;
  stop(): Promise<void>;
}

/** A Redis of its own for one system: in memory only, as every system under test gets it. */
export async function startRedis(): Promise<RedisServer> {
  const [port = 0] = await freePorts(1);
  const server = start('redis', [
    'redis-server',
    ...['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    ...['--maxmemory-policy', 'noeviction', '--daemonize', 'no'],
  ]);
  const client = new Redis(port, '127.0.0.1', { lazyConnect: true, retryStrategy: () => 50 });
  client.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ECONNREFUSED') console.error(`redis: ${error.message}`);
  });
  client.connect().catch(() => 'tried again by the retry strategy');
  await untilReady(server, async () => client.status === 'ready');
  return {
    url: `redis://127.0.0.1:${port}`,
    process: server,
    commandCalls: async () => parseCommandCalls(await client.info('commandstats')),
    usedMemoryBytes: async () => Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1]),
    async stop() {
      client.disconnect();
      await server.stop();
    },
  };
}

/** @param info the answer of `INFO commandstats` */
export function parseCommandCalls(info: string): Map<string, number> {
  const calls = new Map<string, number>();
  for (const [, name, count] of info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
    if (name !== undefined && name !== 'info') calls.set(name, Number(count));
  }
  return calls;
}
