import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
}

export interface Running {
  readonly pid: number;
  readonly result: Promise<Run>;
  /** Resolves when stderr has shown `part`. */
  stderrShows(part: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts a program; what it prints is kept. */
export function start(file: string, args: readonly string[], { cwd, env, stdin }: RunOptions = {}): Running {
  const child = spawn(file, args, { cwd, env: { ...process.env, ...env } });
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const exited = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const result = Promise.all([exited, text(child.stdout)]).then(([[code, signal], stdout]) => {
    if (code === null) throw new Error(`${file} ended by ${signal}: ${stderr}`);
    return { code, stdout, stderr };
  });
  return {
    pid: child.pid ?? 0,
    result,
    async stderrShows(part) {
      while (!stderr.includes(part)) {
        if (child.exitCode !== null) throw new Error(`${file} ended and never said ${part}: ${stderr}`);
        await Promise.race([once(child.stderr, 'data'), exited]);
      }
    },
    kill: (signal) => void child.kill(signal),
  };
}

/** Runs a program to its end. */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Run> {
  return start(file, args, options).result;
}

/** As `run`, and an exit code other than 0 is an error. */
export async function mustRun(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(file, args, options);
  if (code !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${code}:\n${stdout}\n${stderr}`);
  return stdout;
}
