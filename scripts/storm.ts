/**
 * Kills a node with many peers and reports how they come back: when they are registered again, when they have what was
 * meant for them, what it does to the running traffic of the other nodes, and what it costs in Redis. Ends with 1 where
 * a floor is missed. The machine should have nothing else to do: all runs on it.
 */
import { parseArgs } from 'node:util';
import { type Delays, runStorm, type StormReport } from '../test/integration/storm/storm.ts';
import { killChildren } from '../test/kit/child.ts';

const HELP = `node scripts/storm.ts [--peers <n>] [--lease <ms>]

  --peers  of the node that is killed (default 5000; each takes an open file here, in a process of its own)
  --lease  of the nodes, in milliseconds (default 5000)`;
const QUIET_MS = 10_000;
/** As the client library waits when nothing else is said. */
const BACKOFF = { minMs: 1000, maxMs: 60_000 };
/** Floors. */
const SLACK_MS = 2000;
const MOST_TIMES_P99 = 10;
const MOST_COMMANDS = 10;

interface Row {
  readonly what: string;
  readonly figure: string;
  readonly floor: string;
  readonly good: boolean;
}

const ms = (value: number): string => `${value.toFixed(value < 100 ? 1 : 0)} ms`;

function delay(where: string, { quietP99, stormP99 }: Delays): Row {
  return {
    what: `p99 of running traffic ${where}, quiet -> storm`,
    figure: `${ms(quietP99)} -> ${ms(stormP99)}`,
    floor: `${MOST_TIMES_P99} times`,
    good: stormP99 <= quietP99 * MOST_TIMES_P99,
  };
}

function rows(report: StormReport, leaseMs: number): Row[] {
  const { commandsPerPeer, lost, reordered } = report;
  const commands = [...commandsPerPeer.values()].reduce((sum, one) => sum + one, 0);
  const parts = [...commandsPerPeer].map(([name, count]) => `${name} ${count.toFixed(2)}`).join(', ');
  const within = (what: string, value: number): Row => ({
    ...{ what, figure: ms(value), floor: `${ms(leaseMs + SLACK_MS)}` },
    good: value <= leaseMs + SLACK_MS,
  });
  return [
    within('all registered again, from the first attempt', report.registeredMs),
    within('registered again, from its own first attempt, longest', report.peerRegisteredMs),
    within('had all messages again, from the peer’s WELCOME, longest', report.hadAgainMs),
    delay('within a node', report.sameNode),
    delay('between nodes', report.crossNode),
    {
      what: 'commands to Redis for each peer',
      figure: `${commands.toFixed(2)} (${parts})`,
      floor: `${MOST_COMMANDS}`,
      good: commands <= MOST_COMMANDS,
    },
    {
      what: 'calls in Redis for each peer, within scripts too',
      figure: report.callsPerPeer.toFixed(1),
      floor: '',
      good: true,
    },
    {
      what: `lost, reordered of ${report.messages} (${report.underWay} under way or stored at the kill)`,
      figure: `${lost.length}, ${reordered.length}`,
      floor: '0, 0',
      good: lost.length + reordered.length === 0,
    },
  ];
}

function positive(text: string, name: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new RangeError(`${name} cannot be ${JSON.stringify(text)}`);
}

const { values } = parseArgs({
  options: {
    peers: { type: 'string', default: '5000' },
    lease: { type: 'string', default: '5000' },
    help: { type: 'boolean' },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
try {
  const [peers, leaseMs] = [positive(values.peers, '--peers'), positive(values.lease, '--lease')];
  const report = await runStorm({ peers, leaseMs, quietMs: QUIET_MS, backoff: BACKOFF, say: console.log });
  const all = rows(report, leaseMs);
  for (const { what, figure, floor, good } of all) {
    console.log(`${good ? 'ok    ' : 'MISSED'} ${what}: ${figure}${floor && `; floor ${floor}`}`);
  }
  process.exit(all.every(({ good }) => good) ? 0 : 1);
} catch (error) {
  console.error(error);
  killChildren();
  process.exit(1);
}
