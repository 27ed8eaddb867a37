import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { within } from './wait.ts';

/**
 * The shell becomes the program (so the pid is the program's) and leaves a watchdog behind that reads one line from
 * descriptor 3. The line comes when the program has ended; end of file comes when this process died first, and then
 * the watchdog kills the program, removes its folder and kills what is left of its group, itself included.
 */
const WATCHDOG = `
  folder=$1; shift
  (read -r _ <&3 || { kill -s KILL $$; [ -z "$folder" ] || rm -rf -- "$folder"; kill -s KILL -- -$$; }) \\
    >/dev/null 2>&1 &
  exec "$@" 3<&-`;

/** Lines kept for the error message of a child that ends before it is ready. */
const TAIL_LINES = 20;
/** How long an ended program's last lines may take. */
const LAST_WORDS_MS = 1000;
const KILL_AFTER_MS = 35_000;

const living = new Set<ChildProcess>();

export interface ChildOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Working folder, the program's own: removed if this process dies first. */
  readonly folder?: string;
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
}

export interface Child {
  readonly pid: number;
  /** Exit code, or 128 + the signal's number as a shell has it. */
  readonly exited: Promise<number>;
  /** Both streams have ended; later than the exit, and much later where children of its own still hold them. */
  readonly silent: Promise<void>;
  isAlive(): boolean;
  kill(signal: NodeJS.Signals): void;
  /** Sends the signal and waits for the exit; SIGKILL follows where that takes longer than a drain may. */
  stop(signal: NodeJS.Signals): Promise<number>;
  /** The last lines of its output. */
  tail(): string;
}

function exitStatus(child: ChildProcess, watchdog: Writable): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      living.delete(child);
      watchdog.end('\n');
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/**
 * Starts a program in a group of its own: a Ctrl-C at the terminal reaches this process only, which then ends its
 * children in the order it wants. They cannot outlive it.
 */
export function startChild(command: string, args: readonly string[], options: ChildOptions = {}): Child {
  const child = spawn('sh', ['-c', WATCHDOG, 'sh', options.folder ?? '', command, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
    ...(options.env && { env: options.env }),
    ...(options.folder && { cwd: options.folder }),
  });
  const { pid } = child;
  const watchdog = child.stdio[3] as Writable;
  const exited = exitStatus(child, watchdog);
  const silent = new Promise<void>((resolve) => child.once('close', () => resolve()));
  if (pid === undefined) throw new Error(`no process could be started for ${command}`);
  living.add(child);
  // A watchdog that died with its group leaves a closed pipe: the line it would get is then not needed.
  watchdog.on('error', () => watchdog.destroy());

  const tail: string[] = [];
  for (const stream of ['stdout', 'stderr'] as const) {
    createInterface({ input: child[stream] as Readable }).on('line', (line) => {
      if (tail.push(line) > TAIL_LINES) tail.shift();
      options.onLine?.(line, stream);
    });
  }

  return {
    pid,
    exited,
    silent,
    isAlive: () => living.has(child),
    kill: (signal) => void child.kill(signal),
    async stop(signal) {
      child.kill(signal);
      // A stopped process (SIGSTOP) acts on no other signal before it goes on.
      child.kill('SIGCONT');
      return within(exited, KILL_AFTER_MS, () => `${command} to end`).catch(() => {
        child.kill('SIGKILL');
        return exited;
      });
    },
    tail: () => tail.join('\n'),
  };
}

/** `ready`, or an error with the child's last words if it ends or stays silent before. */
export async function untilReady(
  child: Child,
  ready: Promise<unknown>,
  name: string,
  timeoutMs: number,
): Promise<void> {
  const ended = child.exited.then(async (code) => {
    await Promise.race([child.silent, sleep(LAST_WORDS_MS)]);
    throw new Error(`${name} ended with ${code} before it was ready:\n${child.tail()}`);
  });
  await within(Promise.race([ready, ended]), timeoutMs, () => `${name} to be ready:\n${child.tail()}`);
}

/** Ends whatever is still running, at once: for a start that is given up half way. */
export function killChildren(): void {
  for (const child of living) child.kill('SIGKILL');
}
