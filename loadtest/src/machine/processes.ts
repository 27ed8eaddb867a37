import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const READY_TIMEOUT_MS = 15_000;
const POLL_MS = 50;

export interface Started {
  /** Unique within a system: `relay-a`, `redis`, ... */
  readonly name: string;
  readonly pid: number;
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

/**
 * Starts a process that the kernel kills when this one ends, however it ends (`setpriv` sets the parent-death signal).
 *
 * @param channel whether to open Node's IPC channel to it
 */
export function start(
  name: string,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
  channel = false,
): Started {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...command], {
    env: { ...process.env, ...env },
    stdio: channel ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (text: Buffer) => {
    output = (output + text).slice(-4000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  let stopping = false;
  child.on('error', (error) => keep(Buffer.from(String(error))));
  child.on('exit', (code, signal) => {
    if (!stopping) console.error(`${name} ended by itself (${code ?? signal}):\n${output}`);
  });
  return {
    name,
    pid: child.pid ?? -1,
    child,
    async stop() {
      stopping = true;
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Starts a script of this project on the running Node. */
export function startNode(
  name: string,
  script: URL,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  channel = false,
): Started {
  return start(name, [process.execPath, script.pathname, ...args], env, channel);
}

/** @throws Error when `ready` is not true within 15 s, or the process ends before */
export async function untilReady(started: Started, ready: () => Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < READY_TIMEOUT_MS; waited += POLL_MS) {
    if (started.child.exitCode !== null) throw new Error(`${started.name} did not start`);
    if (await ready()) return;
    await sleep(POLL_MS);
  }
  throw new Error(`${started.name} was not ready within ${READY_TIMEOUT_MS} ms`);
}

/** Resolves when the process prints `listening`. */
export async function untilListening(started: Started): Promise<void> {
  let listening = false;
  started.child.stdout?.on('data', (text: Buffer) => {
    listening ||= text.includes('listening');
  });
  await untilReady(started, async () => listening);
}

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  return servers.map((server) => {
    const address = server.address();
    server.close();
    if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
    return address.port;
  });
}
