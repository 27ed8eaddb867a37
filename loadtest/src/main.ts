/** `npm run bench`: Causeway against the least a relay can do, and against Socket.IO, on this machine. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { describeMachine } from './machine/describe.ts';
import { type Point, pointName, SYSTEMS, type SystemName } from './points.ts';
import { checkFloors } from './report/floors.ts';
import { summarize } from './report/summary.ts';
import { type Report, renderReport } from './report/table.ts';
import { type Plan, runRounds } from './rounds.ts';
import { CHUNK_BYTES } from './tunnels.ts';

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly only: RegExp;
  readonly quick: boolean;
  readonly atOnce: boolean;
  readonly idle: number;
  readonly name: string;
  readonly out: string;
}

const RESULTS = fileURLToPath(new URL('../results', import.meta.url));
const WARMUP_MS = 1000;
const QUICK = { rounds: 1, seconds: 1, idle: 2000 };

const program = new Command('bench')
  .description('Measures Causeway against a bare relay and Socket.IO; writes a table and JSON.')
  .option('--rounds <n>', 'interleaved rounds', positive, 5)
  .option('--seconds <n>', 'measured seconds for each point', positive, 3)
  .option(
    '--only <pattern>',
    'only what matches, of "system: point" as in the progress lines, "idle" and "tunnels, 65536 B"',
    pattern,
    /./,
  )
  .option('--idle <n>', 'idle connections to hold', positive, 10_000)
  .option('--quick', 'one short round, to see that everything runs', false)
  .option(
    '--at-once',
    'all systems of a round at the same time: for ratios of CPU, not for throughput or latency',
    false,
  )
  .option('--name <name>', 'name of the report', 'bench')
  .option('--out <folder>', 'where the report goes', RESULTS)
  .parse();

const given = program.opts<Options>();
const options: Options = given.quick ? { ...given, ...QUICK } : given;
const samples = await runRounds(planOf(options), (line) => console.log(line));
const report: Report = {
  name: options.name,
  date: new Date().toISOString().slice(0, 10),
  machine: describeMachine(),
  rounds: options.rounds,
  atOnce: options.atOnce,
  warmupMs: WARMUP_MS,
  measureMs: options.seconds * 1000,
  summaries: summarize(samples.loads),
  tunnels: samples.tunnels,
  floors: checkFloors(samples),
  failures: samples.failures,
};
const table = renderReport(report);
const file = join(options.out, `${report.date}-${report.name}`);
mkdirSync(options.out, { recursive: true });
writeFileSync(`${file}.json`, `${JSON.stringify({ ...report, samples }, null, 1)}\n`);
writeFileSync(`${file}.md`, table);
console.log(`\n${table}\nWritten to ${file}.md and .json`);
if (samples.failures.length > 0) process.exitCode = 1;

function planOf({ rounds, seconds, only, idle, atOnce }: Options): Plan {
  const wants = (system: SystemName, point: Point) => only.test(`${system}: ${pointName(point)}`);
  return {
    rounds,
    timing: { warmupMs: WARMUP_MS, measureMs: seconds * 1000 },
    systems: SYSTEMS,
    atOnce,
    wants,
    idleConnections: only.test('idle') ? idle : 0,
    tunnelChunks: CHUNK_BYTES.filter((bytes) => only.test(`tunnels, ${bytes} B`)),
  };
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('must be a number above 0');
  return value;
}
