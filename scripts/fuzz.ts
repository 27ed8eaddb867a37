/**
 * `npm run fuzz`: tries random and nearly right inputs on each codec, and on the sockets of a relay. Ends with 1 where one crashes, hangs or keeps
 * memory.
 */
import { parseArgs } from 'node:util';
import { CODECS, type Codec } from '../test/fuzz/codecs.ts';
import { fuzz } from '../test/fuzz/fuzz.ts';
import { FUZZED_RELAY, fuzzSockets } from '../test/fuzz/sockets.ts';
import { complaints } from '../test/kit/observe.ts';
import { startRedis } from '../test/kit/redis.ts';
import { startRelay } from '../test/kit/relay.ts';

const SOCKETS = 'sockets';
const NAMES = [...CODECS.map(({ name }) => name), SOCKETS].join(', ');
const HELP = `npm run fuzz -- [--inputs <n>] [--seed <n>] [--only <name>]

  --inputs  for each codec, and messages for the sockets (default 100000)
  --seed    of all inputs (default: a new one, which is printed)
  --only    one of: ${NAMES}`;
const USAGE_EXIT = 64;
const MIB = 1024 * 1024;

/** What resident memory moves about by. */
const SLACK_BYTES = 64 * MIB;

class UsageProblem extends Error {}

function wholeNumber(text: string, name: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= 0 && value < 2 ** 31) return value;
  throw new UsageProblem(`${name} cannot be ${JSON.stringify(text)}.`);
}

/** One line of figures. */
function tryCodec(codec: Codec, inputs: number, seed: number): string {
  const { seconds, slowestMs, heapGrowth } = fuzz(codec, inputs, seed);
  return `${Math.round(seconds)} s, slowest ${slowestMs.toFixed(1)} ms, heap ${(heapGrowth / MIB).toFixed(1)} MiB`;
}

/** One line of figures. */
async function trySockets(inputs: number, seed: number): Promise<string> {
  // A relay without Redis remembers for a minute each peer that was named, which is no leak but looks like one.
  const redis = await startRedis();
  const relay = await startRelay({ env: FUZZED_RELAY, redis });
  try {
    // A process keeps some of what its first traffic took: only the second half shows what grows.
    const half = Math.ceil(inputs / 2);
    const early = await fuzzSockets(relay.url, half, seed);
    const before = await relay.rss();
    const connections = early + (await fuzzSockets(relay.url, inputs - half, seed + early));
    const growth = (await relay.rss()) - before;
    const faults = complaints(relay);
    if (!relay.isAlive() || faults.length > 0) throw new Error(`the relay has faults: ${JSON.stringify(faults)}`);
    if (growth > SLACK_BYTES) throw new Error(`the relay has grown by ${growth} bytes`);
    return `${connections} connections, resident ${(growth / MIB).toFixed(1)} MiB`;
  } finally {
    await relay.stop();
    await redis.stop();
  }
}

/** Exit code. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      inputs: { type: 'string', default: '100000' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      only: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const inputs = wholeNumber(values.inputs, '--inputs');
  const seed = wholeNumber(values.seed, '--seed');
  const targets = [
    ...CODECS.map((codec) => ({ name: codec.name, run: () => tryCodec(codec, inputs, seed) })),
    { name: SOCKETS, run: () => trySockets(inputs, seed) },
  ].filter(({ name }) => values.only === undefined || name === values.only);
  if (targets.length === 0) throw new UsageProblem(`Nothing is called ${values.only}. There are: ${NAMES}.`);
  console.log(`seed ${seed}`);
  let failed = 0;
  for (const { name, run } of targets) {
    try {
      console.log(`${name}: ${inputs} inputs, ${await run()}: ok`);
    } catch (error) {
      failed += 1;
      console.error(`${name}: FAILED\n${error instanceof Error ? error.message : error}`);
    }
  }
  return failed === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof UsageProblem || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
  if (!isUsage) throw error;
  console.error(`${(error as Error).message}\n\n${HELP}`);
  process.exitCode = USAGE_EXIT;
}
