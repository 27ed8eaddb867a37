import {
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  StackingConfigBuilder,
  StackingMode,
} from '@grafana/grafana-foundation-sdk/common';
import { ThresholdsConfigBuilder, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as SeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** What the variables at the top of a dashboard leave of a metric. */
export const CHOSEN = 'cluster=~"$cluster", instance=~"$node"';
/** The cluster's own limit has no realm, and is shown with each. */
const REALMS = 'realm=~"$realm|"';
/** Name of the variable. */
export const DATASOURCE = 'datasource';
/** The data source that is chosen at the top of a dashboard. */
export const PROMETHEUS = { type: 'prometheus', uid: `\${${DATASOURCE}}` };
/** Grafana's grid has 24 columns. */
const SERIES_SIZE = { span: 8, height: 8 };
const STAT_SIZE = { span: 4, height: 4 };
const DASHED = new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed);

export interface Query {
  readonly expr: string;
  /** `{{label}}` stands for a label's value. */
  readonly legend: string;
}

export interface PanelOptions {
  readonly title: string;
  /** What it shows, and what a value means. */
  readonly about: string;
  /** As Grafana names it: `short`, `s`, `bytes`, `percentunit`, `reqps`, ... */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** Values from which on it turns yellow and red; below the second where less is worse. */
  readonly thresholds?: readonly [warning: number, critical: number];
  readonly max?: number;
  /** Values may be below 0. */
  readonly signed?: boolean;
  readonly stacked?: boolean;
  /** Points that carry a trace's id lead to the trace. */
  readonly exemplars?: boolean;
}

/** The metric of the chosen nodes. */
export function of(metric: string, labels = ''): string {
  return `${metric}{${CHOSEN}${labels === '' ? '' : `, ${labels}`}}`;
}

export function ofRealms(metric: string, labels = ''): string {
  return of(metric, labels === '' ? REALMS : `${REALMS}, ${labels}`);
}

/** A counter's increase in a second, summed up by labels. */
export function rate(selector: string, by = ''): string {
  return `sum${by === '' ? '' : ` by (${by})`} (rate(${selector}[$__rate_interval]))`;
}

export function quantile(q: number, metric: string, by = '', labels = ''): string {
  const grouping = by === '' ? 'le' : `${by}, le`;
  return `histogram_quantile(${q}, ${rate(of(`${metric}_bucket`, labels), grouping)})`;
}

/** Median, 99th and 99.9th percentile. */
export function quantiles(metric: string, labels = ''): Query[] {
  return [0.5, 0.99, 0.999].map((q) => ({ expr: quantile(q, metric, '', labels), legend: `p${q * 100}` }));
}

function targets({ queries, exemplars = false }: PanelOptions): DataqueryBuilder[] {
  return queries.map(({ expr, legend }, index) =>
    new DataqueryBuilder()
      .refId(String.fromCharCode(65 + index))
      .expr(expr)
      .legendFormat(legend)
      .datasource(PROMETHEUS)
      .exemplar(exemplars)
      .range(),
  );
}

function steps([warning, critical]: readonly [number, number]): ThresholdsConfigBuilder {
  const isLessWorse = critical < warning;
  const [low, middle, high] = isLessWorse ? ['red', 'yellow', 'green'] : ['green', 'yellow', 'red'];
  const [first, second] = isLessWorse ? [critical, warning] : [warning, critical];
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([
    { value: null, color: low as string },
    { value: first, color: middle as string },
    { value: second, color: high as string },
  ]);
}

export function series(options: PanelOptions): SeriesBuilder {
  const { title, about, unit, thresholds, max, signed = false, stacked = false } = options;
  const panel = new SeriesBuilder()
    .title(title)
    .description(about)
    .unit(unit)
    .datasource(PROMETHEUS)
    .targets(targets(options))
    .fillOpacity(stacked ? 40 : 10)
    .span(SERIES_SIZE.span)
    .height(SERIES_SIZE.height);
  if (!signed) panel.min(0);
  if (stacked) panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
  if (max !== undefined) panel.max(max);
  if (thresholds !== undefined) panel.thresholds(steps(thresholds)).thresholdsStyle(DASHED);
  return panel;
}

export function stat(options: PanelOptions): StatBuilder {
  const { title, about, unit, thresholds } = options;
  const panel = new StatBuilder()
    .title(title)
    .description(about)
    .unit(unit)
    .datasource(PROMETHEUS)
    .targets(targets(options))
    .span(STAT_SIZE.span)
    .height(STAT_SIZE.height);
  if (thresholds !== undefined) panel.thresholds(steps(thresholds));
  return panel;
}
