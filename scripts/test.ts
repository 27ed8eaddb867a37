/** `npm test [-- step...]`: runs the steps one after another, all of them whatever fails, and counts. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Counts,
  countStatic,
  countVitest,
  describe,
  failuresOf,
  type Step,
  selectSteps,
  sum,
  type VitestReport,
} from './steps.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BIN = join(ROOT, 'node_modules', '.bin');
/** Programs in node_modules/.bin start `node` from the PATH, which must be the pinned one without npm, too. */
const ENV = { ...process.env, PATH: `${BIN}${delimiter}${process.env.PATH ?? ''}` };

interface Outcome {
  readonly step: Step;
  readonly counts: Counts;
  readonly failures: readonly string[];
  readonly seconds: number;
}

function selected(): readonly Step[] {
  try {
    return selectSteps(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(64);
  }
}

/** Exit code; 1 also where a signal ended it or it could not be started. */
function run(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(join(BIN, command), args, { cwd: ROOT, env: ENV, stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', (error) => {
      console.error(`${command} could not be started: ${error.message}`);
      resolve(1);
    });
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

function readReport(file: string): VitestReport | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as VitestReport;
  } catch (error) {
    console.error(`vitest left no report: ${error instanceof Error ? error.message : error}`);
    return null;
  }
}

async function runStep(step: Step, reports: string): Promise<Outcome> {
  console.log(`\n== ${step.name}`);
  const started = performance.now();
  const [command, ...args] = step.command;
  let counts: Counts;
  let failures: readonly string[] = [];
  if (step.vitest) {
    const file = join(reports, `${step.name}.json`);
    const code = await run(command, [...args, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`]);
    const report = readReport(file);
    counts = countVitest(report, code);
    failures = failuresOf(report);
  } else {
    counts = countStatic(await run(command, args));
  }
  return { step, counts, failures, seconds: (performance.now() - started) / 1000 };
}

const steps = selected();
const reports = mkdtempSync(join(tmpdir(), 'causeway-test-'));
const outcomes: Outcome[] = [];
try {
  for (const step of steps) outcomes.push(await runStep(step, reports));
} finally {
  rmSync(reports, { recursive: true, force: true });
}

for (const { step, failures } of outcomes) {
  for (const failure of failures) console.log(`\n== failed in ${step.name}\n${failure}`);
}

console.log('\n== summary');
for (const { step, counts, seconds } of outcomes) {
  console.log(`${step.name.padEnd(14)}${`${seconds.toFixed(1)} s`.padStart(8)}  ${describe(counts)}`);
}
const total = sum(outcomes.map(({ counts }) => counts));
console.log(describe(total));
process.exitCode = total.failed > 0 ? 1 : 0;
