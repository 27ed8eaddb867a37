/** The chart as helm renders it, and kubectl-validate as the judge of what comes out. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { mustRun, type Run, run } from '../e2e/run.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const CHART = join(ROOT, 'helm/causeway');
/** The oldest that the chart allows, and the newest whose schemas the validator has. */
export const KUBERNETES = '1.30';
const PATH = [process.env.PATH, join(homedir(), 'go/bin')].join(delimiter);
/** Modules that carry the definitions of resources that are not Kubernetes' own. */
const DEFINITIONS: Readonly<Record<string, string>> = {
  'sigs.k8s.io/gateway-api@v1.6.3':
    'config/crd/standard/gateway.networking.k8s.io_{httproutes,backendtlspolicies}.yaml',
  'github.com/prometheus-operator/prometheus-operator@v0.85.0':
    'example/prometheus-operator-crd/monitoring.coreos.com_{servicemonitors,prometheusrules}.yaml',
};

/** Values files by name. */
export const VALUES: Readonly<Record<string, string>> = Object.fromEntries(
  globSync([join(CHART, 'examples/*.yaml'), fileURLToPath(new URL('values/*.yaml', import.meta.url))]).map((file) => [
    basename(file, '.yaml'),
    file,
  ]),
);

/** Why the chart cannot be tested here; null where it can. CI has the tools, so there it is an error. */
export const NO_HELM: string | null = (() => {
  try {
    for (const [file, argument] of Object.entries({ helm: 'version', 'kubectl-validate': '--help', go: 'version' })) {
      execFileSync(file, [argument], { stdio: 'ignore', env: { ...process.env, PATH } });
    }
    return null;
  } catch (error) {
    if (process.env.CI) throw error;
    return 'helm, kubectl-validate or go is not on the PATH: .ci/run installs them';
  }
})();

/** Tests that need helm; where they are skipped, their name says why. */
export function describeChart(name: string, tests: () => void): void {
  describe.skipIf(NO_HELM !== null)(NO_HELM === null ? name : `${name} (${NO_HELM})`, tests);
}

/** A field of a manifest; anything may be asked of it, and what is not there is undefined. */
// biome-ignore lint/suspicious/noExplicitAny: the validator knows the types, the tests look at single fields
export type Manifest = any;

export interface RenderOptions {
  /** Names of values files. */
  readonly files?: readonly string[];
  /** Values over them. */
  readonly values?: object;
  readonly release?: string;
  /** Folder of another chart than the repository's. */
  readonly chart?: string;
}

function argumentsOf({ files = [], chart = CHART }: RenderOptions): string[] {
  const named = files.map((name) => VALUES[name] ?? name);
  return [chart, '--kube-version', `${KUBERNETES}.0`, ...[...named, '-'].flatMap((file) => ['--values', file])];
}

function helm(args: readonly string[], { values = {} }: RenderOptions): Promise<Run> {
  return run('helm', args, { env: { PATH }, stdin: JSON.stringify(values) });
}

/** What `helm template` prints. */
export async function renderText(options: RenderOptions = {}): Promise<string> {
  const { release = 'causeway' } = options;
  const args = ['template', release, '--namespace', 'relays', ...argumentsOf(options)];
  const { code, stdout, stderr } = await helm(args, options);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

export async function render(options: RenderOptions = {}): Promise<Manifest[]> {
  const documents = parseAllDocuments(await renderText(options)) as readonly { toJS(): unknown }[];
  return documents.map((document) => document.toJS()).filter((manifest) => manifest !== null);
}

/** What helm says against the values; fails when it takes them. */
export async function refusal(options: RenderOptions): Promise<string> {
  const { code, stderr } = await helm(['template', 'causeway', ...argumentsOf(options)], options);
  if (code === 0) throw new Error('helm takes these values');
  return stderr;
}

/** @throws with what `helm lint --strict` finds */
export async function lint(file: string): Promise<void> {
  await mustRun('helm', ['lint', CHART, '--strict', '--kube-version', `${KUBERNETES}.0`, '--values', file], {
    env: { PATH },
  });
}

/** The validator, with the definitions of others' resources in a folder. */
export class Validator {
  readonly #definitions = mkdtempSync(join(tmpdir(), 'causeway-definitions-'));
  readonly #manifests = mkdtempSync(join(tmpdir(), 'causeway-manifests-'));

  constructor() {
    for (const [module, pattern] of Object.entries(DEFINITIONS)) {
      const listed = execFileSync('go', ['mod', 'download', '-json', module], { env: { ...process.env, PATH } });
      const { Dir: folder } = JSON.parse(listed.toString()) as { Dir: string };
      const files = globSync(join(folder, pattern));
      if (files.length === 0) throw new Error(`${module} has no ${pattern}`);
      for (const file of files) copyFileSync(file, join(this.#definitions, basename(file)));
    }
  }

  /** Each document's complaint, or null for one that is good, in order. */
  async validate(text: string): Promise<(string | null)[]> {
    const path = join(this.#manifests, 'rendered.yaml');
    writeFileSync(path, text);
    const args = [path, '--version', KUBERNETES, '--local-crds', this.#definitions, '--output', 'json'];
    const { stdout } = await run('kubectl-validate', args, { env: { PATH } });
    const outcomes = Object.values(JSON.parse(stdout) as Record<string, { status: string; message?: string }[]>).flat();
    return outcomes.map(({ status, message }) => (status === 'Success' ? null : (message ?? status)));
  }

  stop(): void {
    for (const folder of [this.#definitions, this.#manifests]) rmSync(folder, { recursive: true, force: true });
  }
}

/** The one manifest of a kind (and a name, where there are several). */
export function one(manifests: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = manifests.filter((each) => each.kind === kind && (name === undefined || each.metadata.name === name));
  if (found.length !== 1) throw new Error(`${found.length} manifests are a ${kind} ${name ?? ''}`);
  return found[0];
}

export function kinds(manifests: readonly Manifest[]): string[] {
  return manifests.map(({ kind }) => kind).sort();
}

/** The relay's container. */
export function relayOf(manifests: readonly Manifest[]): Manifest {
  return one(manifests, 'Deployment').spec.template.spec.containers[0];
}
