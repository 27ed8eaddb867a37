import type { Load } from './generator/job.ts';

export type SystemName =
  | 'bare'
  | 'causeway-1'
  | 'causeway-1-limits'
  | 'causeway-1-traced'
  | 'causeway-2'
  | 'causeway-2-limits'
  | 'causeway-2-traced'
  | 'causeway-8'
  | 'socketio-2';

/** One measurement: what is sent, by how many, how. */
export interface Point {
  readonly payloadBytes: number;
  readonly pairs: number;
  readonly load: Load;
}

/** Messages a second over all pairs: what every system under test carries without a queue, so that latencies compare. */
const OPEN_RATE_50_PAIRS = 5_000;
const OPEN_RATE_1_PAIR = 500;

const SHAPES: readonly Omit<Point, 'payloadBytes'>[] = [
  { pairs: 50, load: { kind: 'closed', window: 1 } },
  { pairs: 50, load: { kind: 'closed', window: 8 } },
  { pairs: 1, load: { kind: 'closed', window: 1 } },
  { pairs: 50, load: { kind: 'open', perSecond: OPEN_RATE_50_PAIRS } },
  { pairs: 1, load: { kind: 'open', perSecond: OPEN_RATE_1_PAIR } },
];

const ALL_POINTS: readonly Point[] = [256, 4096].flatMap((payloadBytes) =>
  SHAPES.map((shape) => ({ payloadBytes, ...shape })),
);

/** In the order of a round: what is compared most finely stands next to each other. */
export const SYSTEMS: readonly SystemName[] = [
  'bare',
  'causeway-1-traced',
  'causeway-1',
  'causeway-1-limits',
  'causeway-2-limits',
  'causeway-2',
  'causeway-2-traced',
  'causeway-8',
  'socketio-2',
];
/** They are there to show that idle nodes, limits, or traces change little: the points at which load is heaviest do. */
const VARIANTS: readonly SystemName[] = [
  'causeway-1-limits',
  'causeway-1-traced',
  'causeway-2-limits',
  'causeway-2-traced',
  'causeway-8',
];

export function pointsOf(system: SystemName): readonly Point[] {
  if (!VARIANTS.includes(system)) return ALL_POINTS;
  return ALL_POINTS.filter((point) => point.payloadBytes === 256 && point.pairs === 50);
}

export function pointName(point: Point): string {
  const load = point.load.kind === 'closed' ? `window ${point.load.window}` : `open ${point.load.perSecond}/s`;
  return `${point.payloadBytes} B, ${point.pairs} ${point.pairs === 1 ? 'pair' : 'pairs'}, ${load}`;
}
