/**
 * `npm run k6 -- <scenario>`: runs a load test of loadtest/k6 with k6, on relays that are named or on three of its own, and
 * leaves the reports in a folder. Ends with k6's exit code: 99 where a threshold was missed.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine } from '../loadtest/src/machine/describe.ts';
import { Usage } from '../loadtest/src/machine/usage.ts';
import { killChildren } from '../test/kit/child.ts';
import { type K6Options, NO_K6, startK6 } from '../test/kit/k6.ts';
import { type K6Cluster, redisCommands, startK6Cluster } from './k6-cluster.ts';

const SCENARIOS: Readonly<Record<string, string>> = {
  smoke: 'a little of everything, in some seconds',
  ramp: 'connections, more and more',
  steady: 'messages at a fixed rate, on one relay or across (-e PLACE=same, cross or mixed)',
  offline: 'messages for peers that are away, and the mailboxes drained',
  storm: 'many peers that reconnect at once, beside running traffic',
  limits: 'peers that send more than they may',
  soak: 'mixed traffic with peers that come and go, for long',
};

const HELP = `npm run k6 -- <scenario> [--urls <ws://...,ws://...>] [-e NAME=value]... [--out <folder>] [--remote-write <url>]

${Object.entries(SCENARIOS)
  .map(([name, what]) => `  ${name.padEnd(9)} ${what}`)
  .join('\n')}

  --urls          of the relays, without the path; without it, three are started over a Redis Cluster
  -e              a setting of the scenario: docs/load-testing.md lists them
  --out           folder for summary.txt, .json and .html (default .cache/k6/<scenario>)
  --remote-write  Prometheus's receiver, to which k6 writes its series while it runs:
                  http://127.0.0.1:9090/api/v1/write (default: K6_PROMETHEUS_RW_SERVER_URL)`;

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const USAGE_EXIT = 64;
const MISSING_EXIT = 69;

function usageProblem(problem: string): never {
  console.error(`${problem}\n\n${HELP}`);
  process.exit(USAGE_EXIT);
}

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        urls: { type: 'string' },
        env: { type: 'string', short: 'e', multiple: true, default: [] },
        out: { type: 'string' },
        'remote-write': { type: 'string' },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    return usageProblem(error instanceof Error ? error.message : String(error));
  }
}

function chosen(): K6Options & { readonly urls: string | undefined } {
  const { values, positionals } = parse();
  if (values.help) {
    console.log(HELP);
    process.exit(0);
  }
  const [scenario = '', ...more] = positionals;
  if (!Object.hasOwn(SCENARIOS, scenario) || more.length > 0) usageProblem('Name one scenario.');
  const settings = values.env.map((text): [string, string] => {
    const [, name, value] = /^(\w+)=(.*)$/s.exec(text) ?? usageProblem(`-e takes NAME=value, not ${text}.`);
    return [name as string, value as string];
  });
  return {
    scenario,
    urls: values.urls,
    settings: Object.fromEntries(settings),
    out: resolve(values.out ?? join(ROOT, '.cache/k6', scenario)),
    remoteWrite: values['remote-write'] ?? process.env.K6_PROMETHEUS_RW_SERVER_URL,
    onLine: (line) => console.log(line),
  };
}

/** What a run took of the machine, beside what k6 found out. */
function complete(out: string, more: object): void {
  const file = join(out, 'summary.json');
  const report = JSON.parse(readFileSync(file, 'utf8')) as object;
  writeFileSync(file, `${JSON.stringify({ ...report, machine: describeMachine(), ...more }, null, 1)}\n`);
}

async function run(options: K6Options, cluster: K6Cluster | null): Promise<number> {
  const before = cluster && (await redisCommands(cluster));
  const { child, exited } = startK6(options);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill('SIGINT'));
  const usage = new Usage({ k6: [child.pid], ...cluster?.pids });
  const code = await exited;
  const taken = usage.end();
  const commands = cluster && (await redisCommands(cluster)) - (before ?? 0);
  complete(options.out, { ...taken, ...(cluster && { redisCommands: commands }) });
  for (const [kind, { cpuSeconds, peakMiB }] of Object.entries(taken.used)) {
    console.log(`${kind.padEnd(7)} ${cpuSeconds} s on a CPU, ${peakMiB} MiB at most`);
  }
  console.log(`together ${taken.cores} cores; what else ran on this machine took ${taken.otherCores}`);
  console.log(`Written to ${options.out}/summary.html, .json and .txt`);
  return code;
}

const { urls, ...options } = chosen();
if (NO_K6 !== null) {
  console.error(`${NO_K6} (and put $(go env GOPATH)/bin on the PATH).`);
  process.exit(MISSING_EXIT);
}
let cluster: K6Cluster | null = null;
let exitCode = 1;
try {
  if (urls === undefined) {
    console.log('Starting three relays over a Redis Cluster...');
    cluster = await startK6Cluster();
  }
  // Peers of an earlier run on the same relays are others.
  const RUN = `k6-${randomBytes(3).toString('hex')}`;
  const where = cluster?.settings ?? { URLS: urls as string };
  exitCode = await run({ ...options, settings: { RUN, ...where, ...options.settings } }, cluster);
} catch (error) {
  console.error(error);
} finally {
  await cluster?.stop();
  killChildren();
}
process.exit(exitCode);
