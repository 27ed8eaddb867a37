/** Checks one configuration of the model with spin: generate, compile, run in a folder of its own. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ModelRun } from './model-runs.ts';

const MODEL = fileURLToPath(new URL('../services/relay/model/cluster.pml', import.meta.url));
const MEMORY_MIB = 4096;
/** Longer than the longest run without a loop; reaching it is an error that spin reports. */
const MAX_DEPTH = 2000;
/** Every state is kept, whole: COLLAPSE compresses without loss. Partial-order reduction has nothing to gain here. */
const COMPILE = ['-w', '-DSAFETY', '-DNOREDUCE', '-DCOLLAPSE', '-DVECTORSZ=2048', `-DMEMLIM=${MEMORY_MIB}`];

export interface ModelOutcome {
  /** What spin found, in its words; null where nothing was. */
  readonly counterexample: string | null;
  readonly states: number;
  readonly depth: number;
  /** Of the search alone, without compiling. */
  readonly seconds: number;
  readonly mebibytes: number;
}

/** Programs that a check needs and that are not on the PATH. */
export function missingTools(): readonly string[] {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return ['spin', 'gcc'].filter((tool) => !folders.some((folder) => existsSync(join(folder, tool))));
}

/** @throws Error where the program fails; `signal` kills it. */
function run(command: string, args: readonly string[], cwd: string, signal?: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], ...(signal && { signal }) });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`));
    });
  });
}

function figure(report: string, pattern: RegExp): number {
  const found = pattern.exec(report)?.[1];
  if (found === undefined) throw new Error(`spin's report has nothing like ${pattern}:\n${report}`);
  return Number(found);
}

/** @throws Error where the search was not complete: it must not pass for a proof. */
function read(report: string): ModelOutcome {
  const problem = /^pan:\d+: (.+) \(at depth \d+\)$/m.exec(report)?.[1] ?? null;
  const errors = figure(report, /errors: (\d+)/);
  const isCutShort = /max search depth too small|out of memory|search was not completed/i.test(report);
  if (errors > 0 !== (problem !== null) || (isCutShort && problem === null)) {
    throw new Error(`the search was not complete:\n${report}`);
  }
  return {
    counterexample: problem,
    states: figure(report, /([\d.e+]+) states, stored/),
    depth: figure(report, /depth reached (\d+)/),
    seconds: figure(report, /elapsed time ([\d.e+-]+) seconds/),
    mebibytes: figure(report, /([\d.]+)\s+total actual memory usage/),
  };
}

/**
 * Searches all states of one configuration, or up to the first counterexample.
 * @throws Error where a tool fails or the search is not complete
 */
export async function checkModel({ switches, slow }: ModelRun, signal?: AbortSignal): Promise<ModelOutcome> {
  const folder = await mkdtemp(join(tmpdir(), 'causeway-model-'));
  try {
    await run('spin', [...switches.map((name) => `-D${name}`), '-a', MODEL], folder, signal);
    // For a short search, optimizing takes longer than it saves.
    await run('gcc', [slow ? '-O1' : '-O0', ...COMPILE, '-o', 'pan', 'pan.c'], folder, signal);
    return read(await run('./pan', [`-m${MAX_DEPTH}`, '-w22'], folder, signal));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
