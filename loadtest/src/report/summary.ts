import type { Measurement } from '../measurement.ts';
import type { SystemName } from '../points.ts';
import type { Sample } from '../rounds.ts';
import { groupBy, type Spread, spread } from './stats.ts';

/** One system at one point over all rounds. */
export interface Summary {
  readonly system: SystemName;
  readonly point: string;
  readonly rounds: number;
  readonly messagesPerSecond: Spread | null;
  /** Microseconds. */
  readonly p50: Spread | null;
  readonly p99: Spread | null;
  readonly latenessP99: Spread | null;
  /** CPU microseconds a message. */
  readonly cpuTotal: Spread | null;
  readonly cpuIdleNodes: Spread | null;
  readonly cpu: Readonly<Record<string, Spread | null>>;
  readonly redisCommands: Spread | null;
  readonly redisByCommand: Readonly<Record<string, Spread | null>>;
  readonly foreignCores: Spread | null;
  /** Sums over all rounds. */
  readonly sent: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  readonly receipts: { good: number; refused: number; duplicates: number; missing: number } | null;
}

/** In the order in which system and point first appear. */
export function summarize(samples: readonly Sample[]): Summary[] {
  const groups = groupBy(samples, (sample) => `${sample.point}|${sample.system}`);
  return [...groups.values()].map((group) => summarizeGroup(group as [Sample, ...Sample[]]));
}

function summarizeGroup(group: readonly [Sample, ...Sample[]]): Summary {
  const measurements = group.map((sample) => sample.measurement);
  const over = (value: (measurement: Measurement) => number | null | undefined) =>
    spread(measurements.map(value).filter((number) => typeof number === 'number'));
  const total = (value: (measurement: Measurement) => number) =>
    measurements.reduce((sum, measurement) => sum + value(measurement), 0);
  const byKey = (values: (measurement: Measurement) => Readonly<Record<string, number>>) => {
    const keys = new Set(measurements.flatMap((measurement) => Object.keys(values(measurement))));
    return Object.fromEntries([...keys].map((key) => [key, over((m) => values(m)[key])]));
  };
  const withReceipts = group[0].measurement.receipts !== null;
  return {
    system: group[0].system,
    point: group[0].point,
    rounds: group.length,
    messagesPerSecond: over((m) => m.messagesPerSecond),
    p50: over((m) => m.p50),
    p99: over((m) => m.p99),
    latenessP99: over((m) => m.latenessP99),
    cpuTotal: over((m) => m.cpuTotal),
    cpuIdleNodes: over((m) => m.cpuIdleNodes),
    cpu: byKey((m) => m.cpu),
    redisCommands: over((m) => m.redisCommandsTotal),
    redisByCommand: byKey((m) => m.redisCommands),
    foreignCores: over((m) => m.foreignCores),
    sent: total((m) => m.sent),
    lost: total((m) => m.lost),
    duplicates: total((m) => m.duplicates),
    outOfOrder: total((m) => m.outOfOrder),
    receipts: withReceipts
      ? {
          good: total((m) => m.receipts?.good ?? 0),
          refused: total((m) => m.receipts?.refused ?? 0),
          duplicates: total((m) => m.receipts?.duplicates ?? 0),
          missing: total((m) => m.receipts?.missing ?? 0),
        }
      : null,
  };
}
