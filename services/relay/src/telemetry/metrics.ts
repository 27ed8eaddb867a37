import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  type Histogram,
  type OpenMetricsContentType,
  Registry,
} from 'prom-client';
import type { Exemplar } from '../core/counters.ts';
import {
  type Histogram as Distributed,
  type HistogramMetric,
  METRICS,
  type Reading,
  type Source,
  type ValueMetric,
} from './table.ts';

const MS_PER_SECOND = 1000;

export interface Metrics {
  /** All metrics: in the text format of Prometheus or, with exemplars, in that of OpenMetrics. */
  render(format: MetricsFormat): Promise<{ readonly contentType: string; readonly body: string }>;
}

export type MetricsFormat = 'prometheus' | 'openmetrics';

/** Metrics that are read from `source` when they are scraped, with those of the process and of Node. */
export function createMetrics(source: Source): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  let reading: Reading = { source, gauges: source.gauges() };
  const current = (): Reading => reading;
  for (const metric of METRICS) {
    if (metric.type === 'histogram') registry.registerMetric(histogramMetric(metric, current));
    else registry.registerMetric(valueMetric(metric, current));
  }
  const open = openMetrics(registry);
  return {
    async render(format) {
      reading = { source, gauges: source.gauges() };
      const { contentType } = format === 'openmetrics' ? open : registry;
      const body = await (format === 'openmetrics' ? open : registry).metrics();
      return { contentType, body };
    },
  };
}

/**
 * The same metrics once more, because the library would shorten the names of counters for both forms: in OpenMetrics a
 * counter's name goes without the `_total` of its samples.
 */
function openMetrics(registry: Registry): Registry<OpenMetricsContentType> {
  const open = new Registry<OpenMetricsContentType>();
  open.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  for (const metric of registry.getMetricsAsArray()) {
    const { name } = metric as unknown as { readonly name: string };
    const get = async () => {
      const got = await registry.getSingleMetric(name)?.get();
      return got?.type.toString() === 'counter' ? { ...got, name: got.name.replace(/_total$/, '') } : got;
    };
    open.registerMetric({ name, get } as unknown as Gauge);
  }
  return open;
}

function valueMetric({ type, name, help, labels, read }: ValueMetric, reading: () => Reading): Counter | Gauge {
  const options = { name, help, labelNames: [...labels], registers: [] };
  if (type === 'gauge') {
    return new Gauge({
      ...options,
      collect() {
        this.reset();
        for (const sample of read(reading())) this.set(sample.labels, sample.value);
      },
    });
  }
  return new Counter({
    ...options,
    // The library's counters can only be added to; ours are counted elsewhere.
    collect() {
      this.reset();
      for (const sample of read(reading())) this.inc(sample.labels, sample.value);
    },
  });
}

/**
 * The library's histogram observes by itself; this one shows a distribution that was counted elsewhere. The registry
 * asks of a metric no more than its name and `get`, its types ask for the whole class.
 */
function histogramMetric(metric: HistogramMetric, reading: () => Reading): Histogram {
  const { name, help, type } = metric;
  const get = async () => ({ name, help, type, aggregator: 'sum', values: histogramValues(metric, reading()) });
  return { name, get } as unknown as Histogram;
}

function histogramValues(metric: HistogramMetric, reading: Reading) {
  return metric.read(reading).flatMap((one) => distributionValues(metric, one));
}

function distributionValues({ name, perUnit }: HistogramMetric, { labels, distribution }: Distributed) {
  const { bounds, counts, sum, count, exemplars } = distribution;
  let below = 0;
  const bucket = (bound: number, le: number | string, value: number) => {
    const exemplar = exemplars.get(bound);
    const shown = exemplar === undefined ? {} : { exemplar: toExemplar(exemplar, perUnit) };
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value, ...shown };
  };
  const buckets = bounds.map((bound, index) => {
    below += counts[index] ?? 0;
    return bucket(bound, bound / perUnit, below);
  });
  return [
    ...buckets,
    bucket(Number.POSITIVE_INFINITY, '+Inf', count),
    { metricName: `${name}_sum`, labels, value: sum / perUnit },
    { metricName: `${name}_count`, labels, value: count },
  ];
}

function toExemplar({ value, traceId, at }: Exemplar, perUnit: number) {
  return { labelSet: { trace_id: traceId }, value: value / perUnit, timestamp: at / MS_PER_SECOND };
}
