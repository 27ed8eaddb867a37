/** What a run has shown, out of what k6 knows at its end. Needs nothing of k6. */

export interface Metric {
  readonly type: 'counter' | 'gauge' | 'rate' | 'trend';
  readonly contains: string;
  readonly values: Readonly<Record<string, number>>;
  readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
}

/** As k6 hands it to `handleSummary`. */
export interface Data {
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly state: { readonly testRunDurationMs: number };
}

export interface About {
  readonly scenario: string;
  /** What was asked for: rate, connections and the like. */
  readonly settings: Readonly<Record<string, string | number>>;
}

export interface Check {
  readonly metric: string;
  readonly threshold: string;
  readonly ok: boolean;
}

export interface Report extends About {
  readonly seconds: number;
  readonly passed: boolean;
  readonly checks: readonly Check[];
  readonly metrics: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** What k6 counts of no use here, and a gauge that is of one VU alone. */
const LEFT_OUT = /^(?:http_|iteration|ws_session_duration|ws_connecting|ws_ping|grpc_|browser_|vus|connections_open$)/;

/** The order in which values are shown; k6 has none. */
const ORDER = ['count', 'rate', 'value', 'min', 'med', 'avg', 'p(90)', 'p(99)', 'p(99.9)', 'max'];

function inOrder(values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).sort(([one], [other]) => ORDER.indexOf(one) - ORDER.indexOf(other)));
}

export function toReport({ metrics, state }: Data, about: About): Report {
  const names = Object.keys(metrics)
    .filter((name) => !LEFT_OUT.test(name))
    .sort();
  const checks = names.flatMap((metric) =>
    Object.entries(metrics[metric]?.thresholds ?? {}).map(([threshold, { ok }]) => ({ metric, threshold, ok })),
  );
  return {
    ...about,
    seconds: state.testRunDurationMs / 1000,
    passed: checks.every(({ ok }) => ok),
    checks,
    metrics: Object.fromEntries(names.map((name) => [name, inOrder((metrics[name] as Metric).values)])),
  };
}

export function shown(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) < 100 ? 2 : 0);
}

export function asText({ scenario, seconds, settings, checks, metrics, passed }: Report): string {
  const width = Math.max(...Object.keys(metrics).map((name) => name.length)) + 2;
  const given = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return [
    '',
    `${scenario}, ${seconds.toFixed(1)} s: ${given.join(' ')}`,
    ...Object.entries(metrics).map(([name, values]) => {
      const parts = Object.entries(values).map(([key, value]) => `${key}=${shown(value)}`);
      return `  ${name.padEnd(width)}${parts.join('  ')}`;
    }),
    '',
    ...checks.map(({ metric, threshold, ok }) => `  ${ok ? 'ok    ' : 'MISSED'}  ${metric}: ${threshold}`),
    '',
    passed ? 'All thresholds are met.' : 'THRESHOLDS WERE MISSED.',
    '',
  ].join('\n');
}
