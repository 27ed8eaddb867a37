import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from '../../kit/child.ts';
import { freePort } from '../../kit/ports.ts';
import { GiveUp, waitFor } from '../../kit/wait.ts';

const GRAFANA = fileURLToPath(new URL('../../../grafana', import.meta.url));

/** Why Prometheus cannot be started here; null where it can. */
export const NO_PROMETHEUS: string | null = (() => {
  try {
    execFileSync('prometheus', ['--version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'prometheus is not on the PATH';
  }
})();

/** Values by second since 1970; those that are no number are left out. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly values: ReadonlyMap<number, number>;
}

export interface Rule {
  readonly name: string;
  readonly query: string;
  readonly type: 'alerting' | 'recording';
  readonly health: string;
  readonly lastError?: string;
}

export interface Prometheus {
  readonly port: number;
  /** Evaluates at every second; both ends in seconds since 1970. */
  range(expr: string, from: number, to: number): Promise<Series[]>;
  /** The traces of the exemplars of its series, if Prometheus keeps them. */
  traces(expr: string, from: number, to: number): Promise<string[]>;
  rules(): Promise<Rule[]>;
  targets(): Promise<{ health: string; labels: Record<string, string> }[]>;
  /** The values of a label, of the series that are chosen. */
  labelValues(label: string, selector: string): Promise<string[]>;
  stop(): Promise<void>;
}

export interface PrometheusOptions {
  /** One of the files in `grafana/prometheus/`. */
  readonly config: string;
  /** What stands in the file, and what is to stand there. */
  readonly changes: readonly (readonly [from: string | RegExp, to: string])[];
  readonly args?: readonly string[];
}

function change(text: string, [from, to]: readonly [string | RegExp, string]): string {
  const changed = text.replaceAll(from, to);
  if (changed === text) throw new Error(`${from} is not in the file`);
  return changed;
}

/** The configuration and the rules of the repository, with seconds for minutes where an alert waits for them. */
function prepare(folder: string, { config, changes }: PrometheusOptions): string {
  const rules = join(folder, 'rules');
  cpSync(join(GRAFANA, 'rules'), rules, { recursive: true });
  const alerts = join(rules, 'alerts.yaml');
  writeFileSync(alerts, change(readFileSync(alerts, 'utf8'), [/^( +for: \d+)m$/gm, '$1s']));
  mkdirSync(join(folder, 'prometheus'));
  const file = join(folder, 'prometheus', config);
  writeFileSync(file, changes.reduce(change, readFileSync(join(GRAFANA, 'prometheus', config), 'utf8')));
  return file;
}

/** Prometheus with a configuration of the repository, returned when it is ready. */
export async function startPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-prometheus-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const data = `--storage.tsdb.path=${join(folder, 'data')}`;
  const args = [`--config.file=${prepare(folder, options)}`, data, `--web.listen-address=127.0.0.1:${port}`];
  const child = startChild('prometheus', [...args, ...(options.args ?? [])], { folder });
  try {
    await untilReady(child, url);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return {
    port,
    ...api(url),
    stop: async () => {
      await child.stop('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function untilReady(child: Child, url: string): Promise<void> {
  const check = async (): Promise<boolean> => {
    if (!child.isAlive()) throw new GiveUp(`Prometheus has ended:\n${child.tail()}`);
    return (await fetch(`${url}/-/ready`)).ok;
  };
  await waitFor(check, { what: 'Prometheus is ready', timeoutMs: 20_000 });
}

interface Matrix {
  readonly result: readonly { metric: Record<string, string>; values: readonly (readonly [number, string])[] }[];
}

type Exemplars = readonly { readonly exemplars: readonly { readonly labels: { readonly trace_id: string } }[] }[];

function api(url: string): Omit<Prometheus, 'port' | 'stop'> {
  async function ask<T>(path: string, query: Readonly<Record<string, string>> = {}): Promise<T> {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(query)}`);
    const answer = (await response.json()) as { status: string; error?: string; data: T };
    if (answer.status !== 'success') throw new Error(`${answer.error}: ${JSON.stringify(query)}`);
    return answer.data;
  }
  return {
    async range(query, from, to) {
      const { result } = await ask<Matrix>('query_range', { query, start: `${from}`, end: `${to}`, step: '1' });
      return result.map(({ metric, values }) => {
        const numbers = values.map(([at, text]) => [at, Number(text)] as const);
        return { labels: metric, values: new Map(numbers.filter(([, value]) => Number.isFinite(value))) };
      });
    },
    async traces(query, start, end) {
      const found = await ask<Exemplars>('query_exemplars', { query, start: `${start}`, end: `${end}` });
      return found.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels.trace_id));
    },
    async rules() {
      const { groups } = await ask<{ groups: { rules: Rule[] }[] }>('rules');
      return groups.flatMap(({ rules }) => rules);
    },
    targets: async () =>
      (await ask<{ activeTargets: { health: string; labels: Record<string, string> }[] }>('targets')).activeTargets,
    labelValues: (label, selector) => ask<string[]>(`label/${label}/values`, { 'match[]': selector }),
  };
}
