/**
 * `npm run chaos`: clients that never stop sending over real relays and a real Redis, faults in random order, and a
 * check of everything that was sent, receipted and shown. Ends with 1 where a promise was broken.
 */
import { parseArgs } from 'node:util';
import { runCampaign } from '../test/chaos/campaign.ts';
import type { Fault } from '../test/chaos/fault.ts';
import { FAULTS } from '../test/chaos/faults.ts';
import { killChildren } from '../test/kit/child.ts';
import { createRng } from '../test/kit/rng.ts';

const NAMES = FAULTS.map(({ name }) => name).join(', ');
const HELP = `npm run chaos -- [--minutes <n>] [--seed <n>] [--only <fault>]

  --minutes  how long to go on; each fault has at least one round (default 5)
  --seed     of everything that is drawn at random (default: a new one, which is printed)
  --only     one fault: ${NAMES}`;

const USAGE_EXIT = 64;
const INTERRUPTED_EXIT = 130;
const MS_PER_MINUTE = 60_000;

class UsageProblem extends Error {}

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly faults: readonly Fault[];
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
      minutes: { type: 'string', default: '5' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
      only: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return null;
  const faults = FAULTS.filter(({ name }) => values.only === undefined || name === values.only);
  if (faults.length === 0) throw new UsageProblem(`No fault is called ${values.only}. There are: ${NAMES}.`);
  return {
    minutes: numberOf(values.minutes, '--minutes', (value) => value >= 0),
    seed: numberOf(values.seed, '--seed', (value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32),
    faults,
  };
}

async function run({ minutes, seed, faults }: Options): Promise<number> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // The second time nothing is worth waiting for.
      if (interrupted.signal.aborted) {
        killChildren();
        process.exit(INTERRUPTED_EXIT);
      }
      interrupted.abort();
      console.log('Ending after this round...');
    });
  }
  const started = performance.now();
  console.log(`Seed ${seed}.`);
  const good = await runCampaign({
    faults,
    rng: createRng(seed),
    until: started + minutes * MS_PER_MINUTE,
    signal: interrupted.signal,
    print: (line) => console.log(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${line}`),
  });
  console.log(good ? `\nNo promise was broken. Seed ${seed}.` : `\nPromises were broken. Seed ${seed}.`);
  return good ? 0 : 1;
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
