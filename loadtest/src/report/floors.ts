import type { Measurement } from '../measurement.ts';
import type { SystemName } from '../points.ts';
import type { Sample, Samples } from '../rounds.ts';
import type { TunnelMeasurement } from '../tunnels.ts';
import { groupBy, type Spread, spread } from './stats.ts';

/** A promise about cost, and what was measured. The median over the rounds decides. */
export interface Floor {
  readonly name: string;
  readonly point: string;
  readonly figure: Spread;
  readonly bound: string;
  readonly reached: boolean;
}

interface Ratio {
  readonly name: string;
  readonly of: SystemName;
  readonly to: SystemName;
  readonly value: (measurement: Measurement) => number | null;
  readonly points: RegExp;
  readonly bound: string;
  readonly holds: (ratio: number) => boolean;
}

const MAX_CPU_TO_BARE = 2.2;
const MIN_THROUGHPUT_TO_SOCKETIO = 2;
const MAX_CPU_TO_SOCKETIO = 0.4;
const MAX_CHANGE_WITH_IDLE_NODES = 0.05;
const MAX_CPU_WITH_LIMITS = 1.1;
const MAX_CPU_WITH_TRACES = 1.03;
const MAX_REDIS_COMMANDS = 0.3;
const MIN_TUNNEL_TO_ECHO = 0.6;
const MIN_TUNNEL_TO_STREAMS = 0.5;
const MAX_P99_BESIDE_TUNNEL = 5;
const MAX_IDLE_RELAY_BYTES = 4096;
const MAX_IDLE_REDIS_BYTES = 1024;

const RATIOS: readonly Ratio[] = [
  {
    name: 'one node, CPU a message: Causeway / bare relay',
    of: 'causeway-1',
    to: 'bare',
    value: (m) => m.cpuTotal,
    points: /./,
    bound: `<= ${MAX_CPU_TO_BARE}`,
    holds: (ratio) => ratio <= MAX_CPU_TO_BARE,
  },
  {
    name: 'two nodes, messages/s: Causeway / Socket.IO',
    of: 'causeway-2',
    to: 'socketio-2',
    value: (m) => m.messagesPerSecond,
    points: /50 pairs, window/,
    bound: `>= ${MIN_THROUGHPUT_TO_SOCKETIO}`,
    holds: (ratio) => ratio >= MIN_THROUGHPUT_TO_SOCKETIO,
  },
  {
    name: 'two nodes, CPU a message with Redis: Causeway / Socket.IO',
    of: 'causeway-2',
    to: 'socketio-2',
    value: (m) => m.cpuTotal,
    points: /./,
    bound: `<= ${MAX_CPU_TO_SOCKETIO}`,
    holds: (ratio) => ratio <= MAX_CPU_TO_SOCKETIO,
  },
  {
    name: 'two nodes, p50 of one pair: Causeway / Socket.IO',
    of: 'causeway-2',
    to: 'socketio-2',
    value: (m) => m.p50,
    points: /1 pair,/,
    bound: '<= 1',
    holds: (ratio) => ratio <= 1,
  },
  {
    name: 'CPU a message with Redis: eight nodes, six of them idle / two nodes',
    of: 'causeway-8',
    to: 'causeway-2',
    value: (m) => m.cpuTotal,
    points: /./,
    bound: `within ${MAX_CHANGE_WITH_IDLE_NODES} of 1`,
    holds: (ratio) => Math.abs(ratio - 1) < MAX_CHANGE_WITH_IDLE_NODES,
  },
  ...(['causeway-1', 'causeway-2'] as const).map(
    (system): Ratio => ({
      name: `${system}, CPU a message: with limits of peer, realm and cluster / without`,
      of: `${system}-limits`,
      to: system,
      value: (m) => m.cpuTotal,
      points: /./,
      bound: `< ${MAX_CPU_WITH_LIMITS}`,
      holds: (ratio) => ratio < MAX_CPU_WITH_LIMITS,
    }),
  ),
  ...(['causeway-1', 'causeway-2'] as const).map(
    (system): Ratio => ({
      name: `${system}, CPU a message: with one of a hundred traced / without tracing`,
      of: `${system}-traced`,
      to: system,
      value: (m) => m.cpuTotal,
      points: /./,
      bound: `< ${MAX_CPU_WITH_TRACES}`,
      holds: (ratio) => ratio < MAX_CPU_WITH_TRACES,
    }),
  ),
];

/** Those floors for which the run has figures. */
export function checkFloors({ loads, idle, tunnels }: Samples): Floor[] {
  return [
    ...RATIOS.flatMap((ratio) => checkRatio(ratio, loads)),
    ...checkRedisCommands(loads),
    ...checkOutcomes(loads),
    ...checkTunnels(tunnels),
    ...checkBytes(
      'idle connection, resident bytes in the relay',
      MAX_IDLE_RELAY_BYTES,
      idle.map((m) => m.relayBytes),
    ),
    ...checkBytes(
      'idle connection, bytes in Redis',
      MAX_IDLE_REDIS_BYTES,
      idle.map((m) => m.redisBytes),
    ),
  ];
}

/** The ratio is taken within each round, where both systems met the same machine; then the median. */
function checkRatio(ratio: Ratio, loads: readonly Sample[]): Floor[] {
  const divided = loads.filter((sample) => sample.system === ratio.of && ratio.points.test(sample.point));
  const byPoint = groupBy(divided, (sample) => sample.point);
  return [...byPoint].flatMap(([point, samples]) => {
    const ratios = samples.flatMap((sample) => {
      const other = loads.find(
        ({ round, system, point }) => round === sample.round && system === ratio.to && point === sample.point,
      );
      const [dividend, divisor] = [ratio.value(sample.measurement), other && ratio.value(other.measurement)];
      return dividend && divisor ? [dividend / divisor] : [];
    });
    const figure = spread(ratios);
    if (figure === null) return [];
    return [{ name: ratio.name, point, figure, bound: ratio.bound, reached: ratio.holds(figure.median) }];
  });
}

function checkRedisCommands(loads: readonly Sample[]): Floor[] {
  const samples = loads.filter(({ system, point }) => system === 'causeway-2' && /50 pairs, window 8/.test(point));
  return [...groupBy(samples, (sample) => sample.point)].flatMap(([point, group]) => {
    const figure = spread(group.map((sample) => sample.measurement.redisCommandsTotal));
    if (figure === null) return [];
    const name = 'two nodes, Redis commands a message, those inside scripts included';
    return [{ name, point, figure, bound: `< ${MAX_REDIS_COMMANDS}`, reached: figure.median < MAX_REDIS_COMMANDS }];
  });
}

/** Every message delivered once and in order, and exactly one good receipt for each: in every round, not in the median. */
function checkOutcomes(loads: readonly Sample[]): Floor[] {
  const flaws = loads
    .filter(({ system }) => system.startsWith('causeway'))
    .map(({ measurement: { lost, duplicates, outOfOrder, receipts } }) => {
      const wrong = receipts === null ? 0 : receipts.refused + receipts.duplicates + receipts.missing;
      return lost + duplicates + outOfOrder + wrong;
    });
  const figure = spread(flaws);
  if (figure === null) return [];
  const name = 'Causeway: lost, repeated or reordered messages, and missing, repeated or refusing receipts';
  return [{ name, point: 'all', figure, bound: '0 in every round', reached: figure.max === 0 }];
}

/** Within each round, as all ratios. */
function checkTunnels(tunnels: readonly TunnelMeasurement[]): Floor[] {
  return [...groupBy(tunnels, ({ chunkBytes }) => `chunks of ${chunkBytes} B`)].flatMap(([point, group]) => {
    const floor = (
      name: string,
      ratios: readonly number[],
      bound: string,
      holds: (ratio: number) => boolean,
    ): Floor[] => {
      const figure = spread(ratios);
      return figure === null ? [] : [{ name, point, figure, bound, reached: holds(figure.median) }];
    };
    const p99s = group.flatMap(({ p99With, p99Without }) => (p99With && p99Without ? [p99With / p99Without] : []));
    return [
      ...floor(
        'one tunnel on one node / echo by a bare uWebSockets.js, bytes a second',
        group.map(({ oneNode, echo }) => oneNode / echo),
        `>= ${MIN_TUNNEL_TO_ECHO}`,
        (ratio) => ratio >= MIN_TUNNEL_TO_ECHO,
      ),
      ...floor(
        'one tunnel between two nodes / XADD and XREAD, a chunk at a time, bytes a second',
        group.map(({ twoNodes, streamsPlain }) => twoNodes / streamsPlain),
        `>= ${MIN_TUNNEL_TO_STREAMS}`,
        (ratio) => ratio >= MIN_TUNNEL_TO_STREAMS,
      ),
      ...floor(
        'one tunnel between two nodes / XADD and XREAD with 1 MiB under way, bytes a second',
        group.map(({ twoNodes, streamsWindow }) => twoNodes / streamsWindow),
        `>= ${MIN_TUNNEL_TO_STREAMS}`,
        (ratio) => ratio >= MIN_TUNNEL_TO_STREAMS,
      ),
      ...floor(
        'p99 of messages between two nodes: with a tunnel at full speed beside them / without',
        p99s,
        `< ${MAX_P99_BESIDE_TUNNEL}`,
        (ratio) => ratio < MAX_P99_BESIDE_TUNNEL,
      ),
    ];
  });
}

function checkBytes(name: string, bound: number, bytes: readonly number[]): Floor[] {
  const figure = spread(bytes);
  if (figure === null) return [];
  return [{ name, point: 'all', figure, bound: `<= ${bound}`, reached: figure.median <= bound }];
}
