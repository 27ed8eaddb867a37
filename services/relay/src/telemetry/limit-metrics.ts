import type { LimiterReport, ScopeReport } from '../core/limiter.ts';
import type { Reading, Sample, ValueMetric } from './metric.ts';

/** The scope `cluster` has no realm. */
interface Labelled {
  readonly labels: { readonly scope: 'cluster' | 'realm'; readonly realm: string };
  readonly report: ScopeReport;
}

const UNITS = ['messages', 'bytes'] as const;

/** How the buckets fare that nodes share: what they let through, how large they are, and what is left in them. */
export function limitMetrics(reportOf: (reading: Reading) => LimiterReport): readonly ValueMetric[] {
  const metric = (
    type: 'counter' | 'gauge',
    name: string,
    help: string,
    labels: readonly string[],
    samples: (scope: Labelled) => readonly Sample[],
  ): ValueMetric => ({
    type,
    name: `causeway_${name}`,
    help,
    labels: ['scope', 'realm', ...labels],
    read: (reading) => scopes(reportOf(reading)).flatMap(samples),
  });
  return [
    metric(
      'counter',
      'limit_messages_total',
      'Messages that a limit of the cluster or of a realm let through or refused, of the realms that were refused most',
      ['result'],
      ({ labels, report }) => [
        { labels: { ...labels, result: 'admitted' }, value: report.admitted },
        { labels: { ...labels, result: 'refused' }, value: report.refused },
      ],
    ),
    metric('gauge', 'limit_rate', 'What a limit lets through in a second', ['unit'], (scope) =>
      limits(scope, ({ perSecond }) => perSecond),
    ),
    metric('gauge', 'limit_burst', 'Size of the bucket of a limit', ['unit'], (scope) =>
      limits(scope, ({ burst }) => burst),
    ),
    metric(
      'gauge',
      'limit_level',
      'What is left in the bucket of a limit: leased to this node, or in Redis when it was asked last',
      ['unit', 'at'],
      ({ labels, report }) =>
        UNITS.filter((unit) => report.buckets[unit] !== null).flatMap((unit) => [
          { labels: { ...labels, unit, at: 'node' }, value: report.levels[unit].here },
          { labels: { ...labels, unit, at: 'redis' }, value: report.levels[unit].left },
        ]),
    ),
  ];
}

function scopes({ cluster, realms }: LimiterReport): Labelled[] {
  const ofRealms = realms.map(({ realm, report }) => ({ labels: { scope: 'realm' as const, realm }, report }));
  if (cluster === null) return ofRealms;
  return [{ labels: { scope: 'cluster', realm: '' }, report: cluster }, ...ofRealms];
}

function limits(
  { labels, report }: Labelled,
  value: (bucket: { readonly perSecond: number; readonly burst: number }) => number,
): Sample[] {
  return UNITS.flatMap((unit) => {
    const bucket = report.buckets[unit];
    return bucket === null ? [] : [{ labels: { ...labels, unit }, value: value(bucket) }];
  });
}
