/** Builds what a Dockerfile says without a container engine: each stage is a folder, and RUN runs on this machine. */
import { cpSync, mkdirSync, statSync } from 'node:fs';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { mustRun } from '../../e2e/run.ts';

export interface Instruction {
  readonly name: string;
  readonly text: string;
}

type Values = Record<string, string>;

export interface Stage {
  /** The folder that stands for `/`. */
  readonly root: string;
  /** As the Dockerfile says it. */
  workdir: string;
  readonly env: Values;
  /** What is said of the image and changes no file: the last text for each instruction. */
  readonly settings: Values;
}

export interface BuildOptions {
  readonly instructions: readonly Instruction[];
  readonly context: string;
  /** Scratch folder for the stages. */
  readonly folder: string;
  /** The folder of the `node` that the base image would have. */
  readonly bin: string;
  readonly buildArgs?: Values;
}

const SETTINGS = ['EXPOSE', 'LABEL', 'USER', 'STOPSIGNAL', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD'];

export function parseDockerfile(text: string): Instruction[] {
  const lines = text.replaceAll(/^\s*#.*\n/gm, '').replaceAll(/\\\n\s*/g, '');
  return lines
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
      return { name, text: rest };
    });
}

/** Where a path of the image lies on this machine. */
export function inside({ root, workdir }: Stage, path: string): string {
  return join(root, resolve(workdir, path));
}

/** Follows the instructions, and returns the last stage. Throws for one that it does not know. */
export async function buildImage(options: BuildOptions): Promise<Stage> {
  const { instructions, folder, buildArgs = {} } = options;
  const stages = new Map<string, Stage>();
  const global: Values = {};
  let args: Values = global;
  let stage: Stage | null = null;
  for (const { name, text } of instructions) {
    const words = () => expand(text, { ...args, ...stage?.env }).split(/\s+/);
    if (name === 'FROM') {
      const [base = '', , alias = 'final'] = words();
      stage = beginStage(join(folder, alias), stages.get(base), options.bin);
      stages.set(alias, stage);
      args = { ...global };
    } else if (name === 'ARG') {
      const [, key = '', value = ''] = /^(\w+)=(.*)$/.exec(text) ?? [];
      args[key] = buildArgs[key] ?? value;
    } else {
      if (stage === null) throw new Error(`${name} comes before FROM`);
      await follow(stage, { name, text }, words(), { options, stages, args });
    }
  }
  if (stage === null) throw new Error('there is no FROM');
  return stage;
}

function beginStage(root: string, base: Stage | undefined, bin: string): Stage {
  mkdirSync(root, { recursive: true });
  const PATH = [bin, process.env.PATH].join(delimiter);
  if (base === undefined) return { root, workdir: '/', env: { PATH }, settings: {} };
  cpSync(base.root, root, { recursive: true, verbatimSymlinks: true });
  return { root, workdir: base.workdir, env: { ...base.env }, settings: { ...base.settings } };
}

interface Around {
  readonly options: BuildOptions;
  readonly stages: ReadonlyMap<string, Stage>;
  readonly args: Values;
}

async function follow(stage: Stage, { name, text }: Instruction, words: string[], around: Around): Promise<void> {
  const { options, stages, args } = around;
  if (name === 'WORKDIR') {
    stage.workdir = resolve(stage.workdir, words[0] ?? '');
    mkdirSync(inside(stage, '.'), { recursive: true });
  } else if (name === 'COPY') {
    const from = /^--from=(.*)$/.exec(words[0] ?? '')?.[1];
    const source = from === undefined ? options.context : stages.get(from)?.root;
    if (source === undefined) throw new Error(`there is no stage ${from}`);
    copy(stage, source, from === undefined ? words : words.slice(1));
  } else if (name === 'RUN') {
    const env = { ...args, ...stage.env, HOME: process.env.HOME ?? '' };
    await mustRun('sh', ['-c', text], { cwd: inside(stage, '.'), env });
  } else if (name === 'ENV') {
    for (const word of words) {
      const [key = '', value = ''] = word.split(/=(.*)/s);
      stage.env[key] = key === 'PATH' ? value.replace(/^[^:]*/, (first) => inside(stage, first)) : value;
    }
  } else if (SETTINGS.includes(name)) stage.settings[name] = text;
  else throw new Error(`${name} ${text}: not known here`);
}

/** A folder's content goes into the destination; a file goes there, or into it when it ends in a slash. */
function copy(stage: Stage, source: string, words: string[]): void {
  const destination = words.at(-1) ?? '';
  const target = inside(stage, destination);
  for (const word of words.slice(0, -1)) {
    const from = join(source, word);
    const intoFolder = statSync(from).isFile() && /(^|\/)\.?\/?$/.test(destination);
    const to = intoFolder ? join(target, basename(from)) : target;
    mkdirSync(dirname(to), { recursive: true });
    cpSync(from, to, { recursive: true, verbatimSymlinks: true });
  }
}

function expand(text: string, values: Values): string {
  return text.replaceAll(/\$\{(\w+)\}|\$(\w+)/g, (_, braced, bare) => values[braced ?? bare] ?? '');
}
