import { dashboard, type Row } from './frame.ts';
import { of, ofRealms, rate, series } from './kit.ts';

const MESSAGES = 'causeway_limit_messages_total';

const limits: Row = {
  title: 'Limits',
  panels: [
    series({
      title: 'Admitted by limit',
      about: 'Messages that passed the limit of the cluster or of a realm.',
      unit: 'mps',
      queries: [
        {
          expr: `topk(10, ${rate(ofRealms(MESSAGES, 'result="admitted"'), 'scope, realm')})`,
          legend: '{{scope}} {{realm}}',
        },
      ],
    }),
    series({
      title: 'Refused by limit',
      about: 'Messages that did not pass the limit of the cluster or of a realm.',
      unit: 'mps',
      queries: [
        {
          expr: `topk(10, ${rate(ofRealms(MESSAGES, 'result="refused"'), 'scope, realm')})`,
          legend: '{{scope}} {{realm}}',
        },
      ],
    }),
    series({
      title: 'Refused by scope',
      about: 'Messages over a limit; `sticky` is what a sender sent on behind them.',
      unit: 'mps',
      stacked: true,
      queries: [
        {
          expr: rate(of('causeway_drops_total', 'reason=~"rate_peer|rate_realm|rate_cluster|sticky"'), 'reason'),
          legend: '{{reason}}',
        },
      ],
    }),
    series({
      title: 'Use of limits',
      about: 'Messages a second of those that the limit allows, over the last five minutes.',
      unit: 'percentunit',
      thresholds: [0.75, 0.9],
      queries: [
        {
          expr: 'causeway:limit_messages:saturation_rate5m{cluster=~"$cluster", realm=~"$realm|"}',
          legend: '{{scope}} {{realm}}',
        },
      ],
    }),
    series({
      title: 'Left in the bucket',
      about: 'As the node was told that asked Redis last; empty means that the nodes live from hand to mouth.',
      unit: 'percentunit',
      max: 1,
      queries: [
        {
          expr: `min by (scope, realm, unit) (${ofRealms('causeway_limit_level', 'at="redis"')}) / max by (scope, realm, unit) (${ofRealms('causeway_limit_burst')})`,
          legend: '{{scope}} {{realm}} {{unit}}',
        },
      ],
    }),
    series({
      title: 'Leased to nodes',
      about: 'Tokens that nodes hold. Below 0: used in advance, within the share of a node.',
      unit: 'short',
      signed: true,
      queries: [
        {
          expr: `sum by (scope, realm, unit) (${ofRealms('causeway_limit_level', 'at="node"')})`,
          legend: '{{scope}} {{realm}} {{unit}}',
        },
      ],
    }),
    series({
      title: 'Leases',
      about: 'Questions to Redis about buckets; where they fail, each node enforces its share.',
      unit: 'ops',
      queries: [{ expr: rate(of('causeway_limit_leases_total'), 'result'), legend: '{{result}}' }],
    }),
    series({
      title: 'Policy in force',
      about: 'Two lines for more than a second: a node has not heard of a change.',
      unit: 'none',
      queries: [
        { expr: `max(${of('causeway_policy_version')})`, legend: 'newest' },
        { expr: `min(${of('causeway_policy_version')})`, legend: 'oldest' },
      ],
    }),
    series({
      title: 'Refused by caps',
      about: 'Connections, reservations, watched peers and stored bytes of realms that have as many as they may.',
      unit: 'ops',
      queries: [
        {
          expr: rate(
            of('causeway_drops_total', 'reason=~"realm_connections|realm_reservations|realm_watched|realm_full"'),
            'reason',
          ),
          legend: '{{reason}}',
        },
      ],
    }),
  ],
};

const talkers = (direction: 'in' | 'out', metric: string) =>
  `topk(10, ${rate(ofRealms(metric, `direction="${direction}"`), 'realm')})`;

const tenants: Row = {
  title: 'Tenants',
  panels: [
    series({
      title: 'Top senders',
      about: 'Realms whose peers send most messages; all that are not among the busiest are `(other)`.',
      unit: 'mps',
      queries: [{ expr: talkers('in', 'causeway_realm_messages_total'), legend: '{{realm}}' }],
    }),
    series({
      title: 'Top receivers',
      about: 'Realms whose peers are handed most messages.',
      unit: 'mps',
      queries: [{ expr: talkers('out', 'causeway_realm_messages_total'), legend: '{{realm}}' }],
    }),
    series({
      title: 'Payload by realm',
      about: 'Bytes taken from peers of a realm, and handed to them.',
      unit: 'Bps',
      queries: [
        { expr: talkers('in', 'causeway_realm_message_bytes_total'), legend: '{{realm}} in' },
        { expr: talkers('out', 'causeway_realm_message_bytes_total'), legend: '{{realm}} out' },
      ],
    }),
    series({
      title: 'Usage written down',
      about: 'Calls with usage: unanswered ones are repeated; what is given up is lost to the bills.',
      unit: 'ops',
      queries: [{ expr: rate(of('causeway_usage_writes_total'), 'result'), legend: '{{result}}' }],
    }),
    series({
      title: 'Expelled',
      about: 'Connections closed for a ban, by an operator, or because their token had ended or was revoked.',
      unit: 'ops',
      queries: [{ expr: rate(of('causeway_connections_expelled_total')), legend: 'expelled' }],
    }),
  ],
};

export const limitsAndTenants = dashboard({
  uid: 'causeway-limits',
  title: 'Causeway: limits and tenants',
  about: 'What limits let through and refuse, and who uses the relay how much.',
  realms: true,
  rows: [limits, tenants],
});
