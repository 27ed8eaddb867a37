/**
 * `node scripts/model.ts [--quick]`: checks the Promela model of links, handover and reaping in all its
 * configurations, and that each rule that is left out is missed. Needs spin and gcc. Ends with 1 where that is not so.
 */
import { parseArgs } from 'node:util';
import { checkModel, missingTools } from './model-check.ts';
import { MODEL_RUNS, type ModelRun } from './model-runs.ts';

const USAGE_EXIT = 64;
const NAME_WIDTH = 60;

function row(name: string, ...figures: readonly string[]): string {
  return [name.padEnd(NAME_WIDTH), ...figures.map((figure) => figure.padStart(10))].join('');
}

/** Whether the outcome is the expected one. */
async function check(run: ModelRun): Promise<boolean> {
  const { states, depth, seconds, mebibytes, counterexample } = await checkModel(run);
  const result = counterexample === null ? 'holds' : 'broken';
  const isExpected = run.mustFail === (counterexample !== null);
  const figures = [String(states), String(depth), `${seconds.toFixed(1)} s`, `${mebibytes.toFixed(0)} MiB`, result];
  console.log(row(run.name, ...figures) + (isExpected ? '' : '  <- not as expected'));
  if (!isExpected && counterexample !== null) console.log(`  ${counterexample}`);
  return isExpected;
}

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } }, strict: true });
const missing = missingTools();
if (missing.length > 0) {
  console.error(
    `The model is checked with spin and gcc; not on the PATH: ${missing.join(', ')} (apt-get install spin gcc).`,
  );
  process.exit(USAGE_EXIT);
}
console.log(row('', 'states', 'depth', 'search', 'memory', 'result'));
let isAsExpected = true;
for (const run of MODEL_RUNS) {
  if (run.slow && values.quick) continue;
  isAsExpected = (await check(run)) && isAsExpected;
}
process.exitCode = isAsExpected ? 0 : 1;
