import type { Machine } from '../../loadtest/src/machine/describe.ts';
import { VIOLATIONS } from '../chaos/checker.ts';
import type { NodeSample, Sample } from './sample.ts';
import type { SoakResult } from './soak.ts';
import { MAX_GROWTH, MAX_MORE_FILES, memoryGrowth, percent, WARM_UP_MINUTES } from './verdict.ts';
import { RELAYS, TTL_SECONDS } from './world.ts';

export interface SoakReport extends SoakResult {
  readonly name: string;
  readonly date: string;
  readonly machine: Machine;
  readonly minutes: number;
  readonly seed: number;
  readonly rate: number;
}

/** Of the minutes, one in so many is shown. */
const SHOWN_EVERY = 5;
const MEBIBYTE = 2 ** 20;

export function renderSoak(report: SoakReport): string {
  const { name, date, findings } = report;
  return [
    `# Report of a ${name} run, ${date}`,
    describeRun(report),
    findings.length === 0 ? '**Nothing was found.**' : `## Found\n\n${findings.map((one) => `- ${one}`).join('\n')}`,
    '## Messages',
    messages(report),
    '## What is kept',
    kept(report),
    '## Course',
    course(report),
    '',
  ].join('\n\n');
}

function describeRun({ machine, minutes, rate, seed, samples, end }: SoakReport): string {
  const loads = [...samples, end].map(({ load }) => load);
  return [
    `- Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryMiB} MiB, ${machine.kernel}`,
    `- Software: Node ${machine.node}, Redis ${machine.redis}, uWebSockets.js ${machine.libraries['uWebSockets.js']}`,
    `- ${RELAYS} relays over a Redis Cluster of three primaries, ${minutes} minutes of ${rate} messages/s, seed ${seed},`,
    '  loopback only; clients, relays and Redis share the cores',
    `- Load average of the machine: ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`,
    `- Reservations and stored messages end after ${TTL_SECONDS} s`,
  ].join('\n');
}

function messages(report: SoakReport): string {
  const { violations, comings, refused, refusals } = report;
  const counts = VIOLATIONS.map((kind) => [kind, violations.filter((one) => one.kind === kind).length]);
  return table(
    ['', 'count'],
    [
      ['messages, checked one by one', report.messages],
      ['of these from one relay to another', percent(report.crossing)],
      ...counts,
      ['refused', refused],
      ['refused for now, and sent again by the library', refusals],
      ['messages to peers that never came', report.forgotten],
      ['clients that changed their relay', comings.hops],
      ['clients that went and came back to stored messages', comings.trips],
      ['new peers that came and left', comings.visits],
      ['changes of presence told', report.presenceChanges],
      ['looks at `/admin/consistency` of every node', report.consistencyChecks],
    ],
  );
}

function kept(report: SoakReport): string {
  const { end, samples, keysAtEnd, keysWithoutNodes } = report;
  const growth = memoryGrowth(samples);
  const rows = end.nodes.map((node, index) => {
    const { from = 0, to = 0, share = 0 } = growth[index] ?? {};
    const first = samples[0]?.nodes[index];
    return [
      index,
      growth.length === 0 ? 'run too short' : `${mebibytes(from)} to ${mebibytes(to)}`,
      growth.length === 0 ? '' : percent(share),
      mebibytes(node.rssBytes),
      first === undefined ? '' : first.files - first.connections,
      node.files,
    ];
  });
  const headings = ['node', 'resident MiB', 'growth', 'without clients', 'files beside clients', 'without clients'];
  return [
    table(headings, rows),
    `Resident memory: from the median of the first five minutes after ${WARM_UP_MINUTES} minutes of warm-up to that of the last five; at most ${percent(MAX_GROWTH)}. Open files: what is open beside clients in the first minute, and when all clients have left; at most ${MAX_MORE_FILES} more.`,
    `Keys in Redis when all clients have left: ${keys(keysAtEnd.byKind)}; without an end: ${keysAtEnd.lasting.length}; those of nodes that live, and the list of nodes, may be. When the relays have ended too: ${keys(keysWithoutNodes.byKind)}; without an end: ${keysWithoutNodes.lasting.length}.`,
  ].join('\n\n');
}

function keys(byKind: Readonly<Record<string, number>>): string {
  const kinds = Object.entries(byKind).map(([kind, count]) => `${count} ${kind}`);
  return kinds.length === 0 ? 'none' : kinds.join(', ');
}

function course({ samples, end }: SoakReport): string {
  const shown = samples.filter((_, index) => index === 0 || (index + 1) % SHOWN_EVERY === 0);
  const headings = [
    ...['minute', 'messages', 'resident MiB', 'heap MiB', 'open files', 'clients'],
    ...['loop lag p99 ms', 'most ms', 'Redis MiB', 'keys', 'load'],
  ];
  return table(headings, [...shown, end].map(rowOf));
}

function rowOf(sample: Sample): (string | number)[] {
  const each = (show: (node: NodeSample) => string | number): string => sample.nodes.map(show).join(' / ');
  return [
    sample.minute.toFixed(0),
    sample.messages,
    each(({ rssBytes }) => mebibytes(rssBytes)),
    each(({ heapUsedBytes }) => mebibytes(heapUsedBytes)),
    each(({ files }) => files),
    each(({ connections }) => connections),
    each(({ lagP99Ms }) => lagP99Ms.toFixed(0)),
    each(({ lagMaxMs }) => lagMaxMs.toFixed(0)),
    (sample.redisBytes / MEBIBYTE).toFixed(1),
    sample.redisKeys,
    sample.load.toFixed(1),
  ];
}

function mebibytes(bytes: number): string {
  return (bytes / MEBIBYTE).toFixed(0);
}

/** Markdown, its columns padded so that it reads in a terminal too. */
function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const texts = rows.map((row) => row.map(String));
  const widths = header.map((title, column) =>
    Math.max(title.length, 3, ...texts.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...texts.map(line)].join('\n');
}
