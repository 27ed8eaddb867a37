import { Counter, collectDefaultMetrics, Gauge, type Histogram, Registry } from 'prom-client';
import {
  type Histogram as Distributed,
  type HistogramMetric,
  METRICS,
  type Reading,
  type Source,
  type ValueMetric,
} from './table.ts';

export interface Metrics {
  readonly contentType: string;
  /** All metrics in the text format of Prometheus. */
  render(): Promise<string>;
}

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
  return {
    contentType: registry.contentType,
    render() {
      reading = { source, gauges: source.gauges() };
      return registry.metrics();
    },
  };
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
  const { bounds, counts, sum, count } = distribution;
  let below = 0;
  const buckets = bounds.map((bound, index) => {
    below += counts[index] ?? 0;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: bound / perUnit }, value: below };
  });
  return [
    ...buckets,
    { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count },
    { metricName: `${name}_sum`, labels, value: sum / perUnit },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
