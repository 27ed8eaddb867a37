import type { Options, Threshold } from 'k6/options';
import { SETTLE_SECONDS, VUS } from './env.ts';

type Thresholds = Readonly<Record<string, readonly (string | Threshold)[]>>;

/** What holds for every load that Causeway is to carry. */
export const PROMISES: Thresholds = {
  messages_lost: ['count==0'],
  messages_unanswered: ['count==0'],
  messages_duplicated: ['count==0'],
  messages_reordered: ['count==0'],
  protocol_violations: ['count==0'],
  connections_failed: ['count==0'],
  connections_closed: ['count==0'],
  connections_opened: ['count>0'],
};

/** And for one that is below every limit. */
export const ALL_CARRIED: Thresholds = {
  ...PROMISES,
  messages_refused: ['count==0'],
  messages_delivered: ['count>0'],
};

/** Opening, and what k6 itself takes. */
const SPARE_SECONDS = 120;

/** Each VU runs once through the whole scenario. */
export function onceEach(name: string, seconds: number, thresholds: Thresholds): Options {
  const maxDuration = `${Math.ceil(seconds + SETTLE_SECONDS + SPARE_SECONDS)}s`;
  return {
    scenarios: { [name]: { executor: 'per-vu-iterations', vus: VUS, iterations: 1, maxDuration, gracefulStop: '0s' } },
    thresholds: Object.fromEntries(Object.entries(thresholds).map(([metric, all]) => [metric, [...all]])),
    summaryTrendStats: ['count', 'min', 'med', 'avg', 'p(90)', 'p(99)', 'p(99.9)', 'max'],
    // Any further tag is a series for each URL.
    systemTags: ['scenario'],
  };
}
