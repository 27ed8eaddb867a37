import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { arch, cpus, release, totalmem, type } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly redis: string;
  readonly libraries: Readonly<Record<string, string>>;
}

const LIBRARIES = ['uWebSockets.js', 'socket.io', '@socket.io/redis-streams-adapter', 'ioredis'];

export function describeMachine(): Machine {
  const redis = execFileSync('redis-server', ['--version'], { encoding: 'utf8' });
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    kernel: `${type()} ${release()} ${arch()}`,
    node: process.version,
    redis: /v=(\S+)/.exec(redis)?.[1] ?? redis.trim(),
    libraries: Object.fromEntries(LIBRARIES.map((name) => [name, installedVersion(name)])),
  };
}

/** Read from the installed package.json: not every package exports it. */
function installedVersion(name: string): string {
  const require = createRequire(import.meta.url);
  for (const directory of require.resolve.paths(name) ?? []) {
    try {
      return (require(`${directory}/${name}/package.json`) as { version: string }).version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  return 'not installed';
}
