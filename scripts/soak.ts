/**
 * `npm run soak`: moderate load on three relays over a Redis Cluster for a long time, without faults. Writes a report
 * to loadtest/results, and ends with 1 where a message was lost, or memory, files or keys were kept.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine } from '../loadtest/src/machine/describe.ts';
import { killChildren } from '../test/kit/child.ts';
import { createRng } from '../test/kit/rng.ts';
import { renderSoak } from '../test/soak/report.ts';
import { runSoak } from '../test/soak/soak.ts';

const HELP = `npm run soak -- [--minutes <n>] [--rate <n>] [--seed <n>] [--name <name>]

  --minutes  of traffic (default 60); some minutes more go by until what clients left in Redis has ended
  --rate     messages a second (default 300)
  --seed     of everything that is drawn at random (default: a new one, which is printed)
  --name     of the report (default soak)`;

const RESULTS = fileURLToPath(new URL('../loadtest/results', import.meta.url));
const USAGE_EXIT = 64;
const INTERRUPTED_EXIT = 130;

class UsageProblem extends Error {}

interface Options {
  readonly minutes: number;
  readonly rate: number;
  readonly seed: number;
  readonly name: string;
}

function numberOf(text: string, name: string, fits: (value: number) => boolean): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && fits(value)) return value;
  throw new UsageProblem(`${name} cannot be ${JSON.stringify(text)}.`);
}

/** @throws UsageProblem */
function options(): Options | null {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '60' },
      rate: { type: 'string', default: '300' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
      name: { type: 'string', default: 'soak' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return null;
  if (!/^[\w-]+$/.test(values.name)) throw new UsageProblem('--name takes letters, digits, "-" and "_".');
  return {
    minutes: numberOf(values.minutes, '--minutes', (value) => value > 0),
    rate: numberOf(values.rate, '--rate', (value) => value > 0),
    seed: numberOf(values.seed, '--seed', (value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32),
    name: values.name,
  };
}

async function run(chosen: Options): Promise<number> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // The second time nothing is worth waiting for.
      if (interrupted.signal.aborted) {
        killChildren();
        process.exit(INTERRUPTED_EXIT);
      }
      interrupted.abort();
      console.log('Ending early...');
    });
  }
  const date = new Date().toISOString().slice(0, 10);
  const started = performance.now();
  console.log(`Seed ${chosen.seed}.`);
  const result = await runSoak({
    ...chosen,
    rng: createRng(chosen.seed),
    signal: interrupted.signal,
    print: (line) => console.log(`${((performance.now() - started) / 60_000).toFixed(1).padStart(5)} min  ${line}`),
  });
  const report = { ...chosen, date, machine: describeMachine(), ...result };
  const text = renderSoak(report);
  const file = join(RESULTS, `${date}-${chosen.name}`);
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(`${file}.json`, `${JSON.stringify(report, null, 1)}\n`);
  writeFileSync(`${file}.md`, text);
  console.log(`\n${text}\nWritten to ${file}.md and .json`);
  return result.findings.length === 0 ? 0 : 1;
}

try {
  const chosen = options();
  if (chosen === null) console.log(HELP);
  process.exit(chosen === null ? 0 : await run(chosen));
} catch (error) {
  const isUsage = error instanceof UsageProblem || (error instanceof TypeError && 'code' in error);
  console.error(isUsage ? `${error.message}\n\n${HELP}` : error);
  killChildren();
  process.exit(isUsage ? USAGE_EXIT : 1);
}
