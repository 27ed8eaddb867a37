import type { Counters, Distribution, Gauges } from '../core/counters.ts';
import type { LimiterReport } from '../core/limiter.ts';
import type { NodeRecord } from '../core/ports.ts';
import type { RedisStats } from './redis-stats.ts';

/** Where the values come from. All of it is read when metrics are scraped. */
export interface Source {
  readonly counters: Counters;
  gauges(): Gauges;
  readonly redis: RedisStats;
  isReady(): boolean;
  isDraining(): boolean;
  readonly maxConnections: number;
  /** The nodes that this one knows of, itself included. */
  nodes(): readonly NodeRecord[];
  /** Of the cluster's bucket and of those of so many realms. */
  limits(realms: number): LimiterReport;
  /** 0 while nobody has written one. */
  policyVersion(): number;
  /** Slots of a Redis Cluster by the primary that has them; empty without one. */
  redisSlots(): ReadonlyMap<string, number>;
  /** When the TLS certificate ends, ms since 1970; null without one. */
  certificateNotAfter(): number | null;
  readonly build: () => { readonly version: string; readonly node: string; readonly region: string };
}

/** What a scrape reads; gauges are computed once for it. */
export interface Reading {
  readonly source: Source;
  readonly gauges: Gauges;
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Described {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}
export interface ValueMetric extends Described {
  readonly type: 'counter' | 'gauge';
  read(reading: Reading): readonly Sample[];
}
export interface HistogramMetric extends Described {
  readonly type: 'histogram';
  /** So many of the distribution's units are one of the metric's. */
  readonly perUnit: number;
  read(reading: Reading): readonly Histogram[];
}
export interface Histogram {
  readonly labels: Readonly<Record<string, string>>;
  readonly distribution: Distribution;
}
export type Metric = ValueMetric | HistogramMetric;
