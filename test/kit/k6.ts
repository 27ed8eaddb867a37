import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Report } from '../../loadtest/k6/lib/report.ts';
import { type Child, startChild } from './child.ts';

const SCRIPTS = fileURLToPath(new URL('../../loadtest/k6/', import.meta.url));

/** Why k6 cannot be run here; null where it can. */
export const NO_K6: string | null = (() => {
  try {
    execFileSync('k6', ['version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'k6 is not on the PATH: go install go.k6.io/k6@v1.8.1';
  }
})();

export interface K6Options {
  /** File in loadtest/k6 without its ending. */
  readonly scenario: string;
  /** As `-e` takes them. */
  readonly settings: Readonly<Record<string, string>>;
  /** Folder for the reports; made where it is missing. */
  readonly out: string;
  /** Where to write series to: the URL of Prometheus's receiver for remote write. */
  readonly remoteWrite?: string | undefined;
  readonly onLine?: (line: string) => void;
}

export interface K6 {
  readonly child: Child;
  /** The exit code; 99 where a threshold was missed. */
  readonly exited: Promise<number>;
}

/** What dashboards show of a distribution. */
const TREND_STATS = 'p(50),p(99),max';

function outputs(url: string | undefined): { args: string[]; env: NodeJS.ProcessEnv } {
  if (url === undefined) return { args: [], env: {} };
  const env = {
    K6_PROMETHEUS_RW_SERVER_URL: url,
    K6_PROMETHEUS_RW_TREND_STATS: TREND_STATS,
    // What is found lost at the end would be gone as soon as it was written.
    K6_PROMETHEUS_RW_STALE_MARKERS: 'false',
    K6_PROMETHEUS_RW_PUSH_INTERVAL: '1s',
  };
  return { args: ['--out', 'experimental-prometheus-rw'], env: { ...env } };
}

export function startK6({ scenario, settings, out, remoteWrite, onLine }: K6Options): K6 {
  mkdirSync(out, { recursive: true });
  const { args, env } = outputs(remoteWrite);
  const given = Object.entries({ ...settings, OUT: out }).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const child = startChild(
    'k6',
    ['run', '--no-usage-report', '--no-color', ...args, ...given, join(SCRIPTS, `${scenario}.ts`)],
    // What the caller's environment says of the output goes first.
    { env: { ...env, ...process.env }, ...(onLine && { onLine }) },
  );
  return { child, exited: child.exited.then(async (code) => child.silent.then(() => code)) };
}

/** What the run left. @throws Error where it left nothing */
export function readReport(out: string): Report {
  return JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8')) as Report;
}
