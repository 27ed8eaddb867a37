import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** `open`: it stays open for what `Running.stdin` is given. */
  readonly stdin?: string | Uint8Array | { readonly open: true };
}

export interface Running {
  readonly pid: number;
  readonly result: Promise<Run>;
  readonly stdin: Writable;
  /** Resolves with the match when stdout has shown it. */
  stdoutShows(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves when stderr has shown `part`. */
  stderrShows(part: string): Promise<void>;
  stderrMatches(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts a program; what it prints is kept. */
export function start(file: string, args: readonly string[], { cwd, env, stdin }: RunOptions = {}): Running {
  const child = spawn(file, args, { cwd, env: { ...process.env, ...env } });
  child.stdin.on('error', () => undefined);
  if (!(typeof stdin === 'object' && 'open' in stdin)) child.stdin.end(stdin);
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const exited = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const result = exited.then(([code, signal]) => {
    if (code === null) throw new Error(`${file} ended by ${signal}: ${stderr}`);
    return { code, stdout, stderr };
  });
  const until = async <T>(stream: Readable, find: () => T | null, what: string): Promise<T> => {
    for (let found = find(); ; found = find()) {
      if (found !== null) return found;
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`${file} ended and never said ${what}: ${stdout}${stderr}`);
      await Promise.race([once(stream, 'data'), exited]);
    }
  };
  return {
    pid: child.pid ?? 0,
    result,
    stdin: child.stdin,
    stdoutShows: (pattern) => until(child.stdout, () => pattern.exec(stdout), String(pattern)),
    stderrMatches: (pattern) => until(child.stderr, () => pattern.exec(stderr), String(pattern)),
    stderrShows: (part) => until(child.stderr, () => (stderr.includes(part) ? undefined : null), part),
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
