import type { Machine } from '../machine/describe.ts';
import type { TunnelMeasurement } from '../tunnels.ts';
import type { Floor } from './floors.ts';
import { formatNumber, formatSpread, groupBy, spread } from './stats.ts';
import type { Summary } from './summary.ts';

/** Commands a message. */
const LEAST_COMMANDS_SHOWN = 0.001;

export interface Report {
  readonly name: string;
  readonly date: string;
  readonly machine: Machine;
  readonly rounds: number;
  /** The systems of a round ran at the same time. */
  readonly atOnce: boolean;
  readonly warmupMs: number;
  readonly measureMs: number;
  readonly summaries: readonly Summary[];
  readonly tunnels: readonly TunnelMeasurement[];
  readonly floors: readonly Floor[];
  readonly failures: readonly string[];
}

const COLUMNS = [
  'system',
  'messages/s',
  'p50 us',
  'p99 us',
  'CPU us a message',
  'of which',
  'generator CPU us',
  'Redis commands a message',
  'lost / repeated / reordered',
  'receipts good / refused / repeated / missing',
  'cores taken by others',
];

const TUNNEL_COLUMNS = [
  'bytes a chunk',
  'echo MB/s',
  'tunnel on one node MB/s',
  'XADD and XREAD MB/s, one chunk under way',
  '1 MiB under way',
  'tunnel between two MB/s',
  'p99 us of messages alone',
  'beside the tunnel',
];

export function renderReport(report: Report): string {
  const points = groupBy(report.summaries, (summary) => summary.point);
  return [
    `# Benchmark ${report.name}, ${report.date}`,
    describeRun(report),
    '## Floors',
    report.floors.length === 0 ? 'No figures for any floor in this run.' : renderFloors(report.floors),
    '## Measurements',
    ...[...points].map(([point, summaries]) => `### ${point}\n\n${renderPoint(summaries)}`),
    ...(report.tunnels.length === 0 ? [] : [`### Tunnels\n\n${renderTunnels(report.tunnels)}`]),
    ...(report.failures.length === 0 ? [] : ['## Failures', report.failures.map((line) => `- ${line}`).join('\n')]),
    '',
  ].join('\n\n');
}

function describeRun({ machine, rounds, atOnce, warmupMs, measureMs, summaries }: Report): string {
  const foreign = spread(summaries.flatMap(({ foreignCores }) => (foreignCores === null ? [] : [foreignCores.median])));
  const libraries = Object.entries(machine.libraries).map(([name, version]) => `${name} ${version}`);
  const order = atOnce ? 'fresh' : 'interleaved';
  return [
    `- Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryMiB} MiB, ${machine.kernel}`,
    `- Software: Node ${machine.node}, Redis ${machine.redis}, ${libraries.join(', ')}`,
    `- ${rounds} ${order} rounds, ${measureMs} ms a point after ${warmupMs} ms of warm-up, loopback only;`,
    `  generator, servers and Redis share the cores${atOnce ? ', and so do all systems: only ratios of CPU mean something' : ''}`,
    '- Figures: median over the rounds (lowest to highest). CPU: servers on the path and Redis, without the generator.',
    '  In an open loop latency counts from the intended time of sending.',
    `- Cores taken by what does not belong to the benchmark: ${formatSpread(foreign)}; near 0 on a quiet machine`,
  ].join('\n');
}

function renderFloors(floors: readonly Floor[]): string {
  const rows = floors.map(({ name, point, figure, bound, reached }) => [
    reached ? 'reached' : '**not reached**',
    name,
    point,
    formatSpread(figure),
    bound,
  ]);
  return renderTable(['', 'floor', 'at', 'measured', 'bound'], rows);
}

function renderPoint(summaries: readonly Summary[]): string {
  const rows = summaries.map((summary) => {
    const { receipts } = summary;
    return [
      summary.system,
      formatSpread(summary.messagesPerSecond),
      formatSpread(summary.p50),
      formatSpread(summary.p99),
      formatSpread(summary.cpuTotal),
      renderProcesses(summary),
      renderGenerator(summary),
      renderCommands(summary),
      `${summary.lost} / ${summary.duplicates} / ${summary.outOfOrder}`,
      receipts ? `${receipts.good} / ${receipts.refused} / ${receipts.duplicates} / ${receipts.missing}` : '-',
      formatSpread(summary.foreignCores),
    ];
  });
  return renderTable(COLUMNS, rows);
}

function renderTunnels(tunnels: readonly TunnelMeasurement[]): string {
  const rows = [...groupBy(tunnels, ({ chunkBytes }) => String(chunkBytes))].map(([chunkBytes, group]) => {
    const rate = (read: (one: TunnelMeasurement) => number) =>
      formatSpread(spread(group.map((one) => read(one) / 1e6)));
    const p99 = (read: (one: TunnelMeasurement) => number | null) =>
      formatSpread(spread(group.flatMap((one) => read(one) ?? [])));
    return [
      chunkBytes,
      rate((one) => one.echo),
      rate((one) => one.oneNode),
      rate((one) => one.streamsPlain),
      rate((one) => one.streamsWindow),
      rate((one) => one.twoNodes),
      p99((one) => one.p99Without),
      p99((one) => one.p99With),
    ];
  });
  return renderTable(TUNNEL_COLUMNS, rows);
}

/** The medians by process, idle nodes as one. */
function renderProcesses({ cpu, cpuIdleNodes }: Summary): string {
  const shown = Object.entries(cpu).filter(([name]) => ['node-a', 'node-b', 'redis'].includes(name));
  const parts = shown.map(([name, value]) => `${name} ${formatNumber(value?.median ?? 0)}`);
  if (cpuIdleNodes !== null && cpuIdleNodes.max > 0) parts.push(`(idle nodes ${formatNumber(cpuIdleNodes.median)})`);
  return parts.join(', ');
}

/** Near 100 % of a core the generator bounds the throughput; the servers' CPU a message stands all the same. */
function renderGenerator({ cpu, messagesPerSecond }: Summary): string {
  const perMessage = cpu.generator ?? null;
  const percent = ((perMessage?.median ?? 0) * (messagesPerSecond?.median ?? 0)) / 1e4;
  return `${formatSpread(perMessage)}, ${Math.round(percent)} % of a core`;
}

/** The total, then the commands that matter: scripts as `evalsha`, what they call under its own name. */
function renderCommands({ redisCommands, redisByCommand }: Summary): string {
  if (redisCommands === null || redisCommands.max === 0) return '-';
  const parts = Object.entries(redisByCommand)
    .filter(([, calls]) => (calls?.median ?? 0) >= LEAST_COMMANDS_SHOWN)
    .map(([name, calls]) => `${name} ${formatNumber(calls?.median ?? 0)}`);
  return `${formatSpread(redisCommands)}: ${parts.join(', ')}`;
}

/** Markdown, its columns padded so that it reads in a terminal too. */
function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, 3, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
