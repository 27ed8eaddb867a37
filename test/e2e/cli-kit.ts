import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Run, type Running, type RunOptions, run, start } from './run.ts';

export const MAIN = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));

/** The command, with these relays. */
export class Causeway {
  readonly #env: Readonly<Record<string, string>>;
  readonly #running: Running[] = [];

  constructor(...urls: readonly string[]) {
    this.#env = { CAUSEWAY_URL: urls.join(',') };
  }

  run(args: readonly string[], options: RunOptions = {}): Promise<Run> {
    return run(process.execPath, [MAIN, ...args], this.#with(options));
  }

  start(args: readonly string[], options: RunOptions = {}): Running {
    return this.#keep(start(process.execPath, [MAIN, ...args], this.#with(options)));
  }

  /** A script of bash, in which `"$@"` is the command. */
  script(script: string, args: readonly string[], options: RunOptions = {}): Running {
    return this.#keep(start('bash', ['-c', script, 'bash', process.execPath, MAIN, ...args], this.#with(options)));
  }

  /** A sender, and the code that it has printed. */
  async send(args: readonly string[], options: RunOptions = {}): Promise<{ sender: Running; code: string }> {
    const sender = this.start(['send-file', ...args], options);
    const [, code = ''] = await sender.stdoutShows(/^(?:\{.*"code":")?(\d+(?:-[a-z]+)+)/m);
    return { sender, code };
  }

  /** Ends what a failed test has left. */
  async stop(): Promise<void> {
    for (const running of this.#running.splice(0)) {
      running.kill('SIGKILL');
      await running.result.catch(() => undefined);
    }
  }

  #keep(running: Running): Running {
    this.#running.push(running);
    return running;
  }

  #with({ env, ...options }: RunOptions): RunOptions {
    return { ...options, env: { ...this.#env, ...env } };
  }
}

/** A folder of its own, and what removes it. */
export function temporaryFolder(): { readonly path: string; stop(): void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'causeway-transfer-')));
  return { path, stop: () => rmSync(path, { recursive: true, force: true }) };
}

/** Everything in a folder: names of folders, and of files with what is in them and whether they are executable. */
export function contents(folder: string): Record<string, string | null> {
  const entries = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    entries.map((name) => {
      const stats = statSync(join(folder, name));
      if (stats.isDirectory()) return [name, null];
      const mark = (stats.mode & 0o100) === 0 ? '' : '*';
      return [name + mark, readFileSync(join(folder, name), 'latin1')];
    }),
  );
}

/** Bytes that no compression and no repetition helps with, the same each time. */
export function noise(bytes: number, seed = 1): Buffer {
  const content = Buffer.alloc(bytes);
  let state = seed;
  for (let at = 0; at + 4 <= bytes; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    content.writeUInt32LE(state, at);
  }
  return content;
}

/** The JSON records that a command has printed. */
export function records(output: string): Record<string, unknown>[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
