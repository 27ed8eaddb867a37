#!/usr/bin/env node
import { CannotListen, ExitCode, exitOnSignals, PortInUse } from '@causeway/service-kit';
import { createApp } from './app.ts';
import { parseRedisUrl, type RedisTarget } from './cluster/url.ts';
import { loadRelayConfig, type RelayConfig } from './config.ts';
import { allowHeapGrowth } from './heap-growth.ts';
import { supervise } from './supervisor.ts';
import { openTracing } from './tracing.ts';

function load(): { config: RelayConfig; redis: RedisTarget | null } {
  const loaded = loadRelayConfig(process.env);
  if (!loaded.ok) fail(loaded.problems);
  const { config } = loaded;
  if (config.redisUrl === null) return { config, redis: null };
  const parsed = parseRedisUrl(config.redisUrl, config.redisPassword ?? '');
  if (!parsed.ok) fail([`CAUSEWAY_REDIS_URL: ${parsed.error}`]);
  return { config, redis: parsed.target };
}

function fail(problems: readonly string[]): never {
  const heading = problems.length === 1 ? 'The configuration has a problem:' : 'The configuration has problems:';
  process.stderr.write(`${heading}\n${problems.map((problem) => `  ${problem}\n`).join('')}`);
  process.exit(ExitCode.badConfig);
}

async function main(): Promise<void> {
  const { config, redis } = load();
  if (config.processes > 1) return supervise(config);
  allowHeapGrowth();
  const tracing = await openTracing(config.logLevel);
  const { lifecycle, logger } = createApp(config, redis, tracing, (clean) => {
    process.exit(clean ? ExitCode.ok : ExitCode.failure);
  });
  exitOnSignals(lifecycle, logger);
  // Without its supervisor nobody would restart it, or end it: its port would stay taken.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  try {
    await lifecycle.start();
  } catch (error) {
    const cannotListen = error instanceof PortInUse || error instanceof CannotListen;
    logger.fatal({ reason: String(error instanceof Error ? error.message : error) }, 'the relay could not start');
    process.exit(cannotListen ? ExitCode.portInUse : ExitCode.failure);
  }
}

await main();
