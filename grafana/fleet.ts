import { dashboard, type Row } from './frame.ts';
import { of, quantile, quantiles, rate, series, stat } from './kit.ts';
import { ROOM_ATTEMPTS, roomsAndTunnels } from './tunnels.ts';

const FAILED = 'status=~"overloaded|unavailable"';
const OURS = 'status=~"delivered|queued|overloaded|unavailable"';

const now: Row = {
  title: 'Now',
  panels: [
    stat({
      title: 'Connections',
      about: 'Open connections of clients.',
      unit: 'short',
      queries: [{ expr: `sum(${of('causeway_connections')})`, legend: '' }],
    }),
    stat({
      title: 'Peers',
      about: 'Peers that are registered now.',
      unit: 'short',
      queries: [{ expr: `sum(${of('causeway_registrations')})`, legend: '' }],
    }),
    stat({
      title: 'Messages',
      about: 'Messages handed on: to a client of the same node, to another node, into a mailbox.',
      unit: 'mps',
      queries: [{ expr: rate(of('causeway_messages_total')), legend: '' }],
    }),
    stat({
      title: 'Carried on',
      about: 'Of the messages that could have been carried on, those that were; 99.9 % is the objective.',
      unit: 'percentunit',
      thresholds: [0.9999, 0.999],
      queries: [
        {
          expr: `1 - ${rate(of('causeway_receipts_total', FAILED))} / ${rate(of('causeway_receipts_total', OURS))}`,
          legend: '',
        },
      ],
    }),
    stat({
      title: 'Time to a receipt',
      about: '99th percentile of the time from a SEND to its outcome, with what the recipient takes to acknowledge.',
      unit: 's',
      thresholds: [0.5, 2],
      queries: [{ expr: quantile(0.99, 'causeway_receipt_seconds'), legend: '' }],
    }),
    stat({
      title: 'Live nodes',
      about: 'As the node knows that knows of most.',
      unit: 'short',
      queries: [{ expr: `max(${of('causeway_nodes', 'state="live"')})`, legend: '' }],
    }),
  ],
};

const clients: Row = {
  title: 'Clients',
  panels: [
    series({
      title: 'Connections by node',
      about: 'Uneven for long after nodes came: rebalance.',
      unit: 'short',
      queries: [{ expr: of('causeway_connections'), legend: '{{instance}}' }],
    }),
    series({
      title: 'Saturation',
      about: 'Connections of those that a node takes at most.',
      unit: 'percentunit',
      max: 1,
      thresholds: [0.75, 0.9],
      queries: [{ expr: `${of('causeway_connections')} / ${of('causeway_connections_max')}`, legend: '{{instance}}' }],
    }),
    series({
      title: 'Registrations',
      about: 'Fresh ones, reconnects within the life of a reservation, and those that moved to another node.',
      unit: 'ops',
      queries: [
        { expr: rate(of('causeway_registrations_total'), 'kind'), legend: '{{kind}}' },
        { expr: rate(of('causeway_handovers_total')), legend: 'moved' },
      ],
    }),
    series({
      title: 'Connections closed',
      about: 'By WebSocket close code: 4000 and above are the relay’s own.',
      unit: 'ops',
      stacked: true,
      queries: [{ expr: `${rate(of('causeway_connections_closed_total'), 'code')} > 0`, legend: '{{code}}' }],
    }),
    series({
      title: 'Refused at the door',
      about: 'Registrations refused by error code, and attempts that have to wait by what was tried.',
      unit: 'ops',
      queries: [
        { expr: `${rate(of('causeway_registrations_refused_total'), 'code')} > 0`, legend: '{{code}}' },
        {
          expr: rate(of('causeway_attempts_refused_total', `attempt!~"${ROOM_ATTEMPTS}"`), 'attempt'),
          legend: 'too many: {{attempt}}',
        },
      ],
    }),
    series({
      title: 'Presence',
      about: 'Changes told to watchers.',
      unit: 'ops',
      queries: [{ expr: rate(of('causeway_presence_changes_total')), legend: 'changes' }],
    }),
  ],
};

const messages: Row = {
  title: 'Messages',
  panels: [
    series({
      title: 'Messages by path',
      about: 'To a client of the same node, to another node, into a mailbox.',
      unit: 'mps',
      stacked: true,
      queries: [{ expr: rate(of('causeway_messages_total'), 'path'), legend: '{{path}}' }],
    }),
    series({
      title: 'Payload by path',
      about: 'Bytes of the messages that were handed on.',
      unit: 'Bps',
      stacked: true,
      queries: [{ expr: rate(of('causeway_message_bytes_total'), 'path'), legend: '{{path}}' }],
    }),
    series({
      title: 'Receipts',
      about: 'What became of messages.',
      unit: 'mps',
      stacked: true,
      queries: [{ expr: rate(of('causeway_receipts_total'), 'status'), legend: '{{status}}' }],
    }),
    series({
      title: 'Time to a receipt by outcome',
      about: '99th percentile from SEND to outcome. A delivery ends with the recipient’s acknowledgment.',
      unit: 's',
      exemplars: true,
      queries: [{ expr: quantile(0.99, 'causeway_receipt_seconds', 'outcome'), legend: '{{outcome}} p99' }],
    }),
    series({
      title: 'Time to a delivery on one node',
      about: 'From SEND until the message is handed to its recipient’s connection.',
      unit: 's',
      exemplars: true,
      queries: quantiles('causeway_delivery_seconds', 'source="local"'),
    }),
    series({
      title: 'Time to a delivery from another node',
      about: 'From the append to the inbox, by the clock of Redis: clocks that differ show here.',
      unit: 's',
      exemplars: true,
      thresholds: [0.1, 0.25],
      queries: quantiles('causeway_delivery_seconds', 'source="remote"'),
    }),
    series({
      title: 'Drops',
      about: 'Messages and frames that were not carried on, by reason.',
      unit: 'ops',
      queries: [{ expr: `${rate(of('causeway_drops_total'), 'reason')} > 0`, legend: '{{reason}}' }],
    }),
    series({
      title: 'Without an outcome',
      about: 'Messages that senders wait for; none waits for more than 15 s.',
      unit: 'short',
      queries: [{ expr: of('causeway_pending_sends'), legend: '{{instance}}' }],
    }),
    series({
      title: 'Burn of the error budgets',
      about: 'How many times faster than planned the budgets are spent, over the last five minutes: 14.4 pages.',
      unit: 'short',
      thresholds: [1, 14.4],
      queries: [
        { expr: 'causeway:receipts_failed:ratio_rate5m{cluster=~"$cluster"} / 0.001', legend: 'receipts' },
        { expr: 'causeway:delivery_slow:ratio_rate5m{cluster=~"$cluster"} / 0.01', legend: 'deliveries' },
      ],
    }),
  ],
};

const nodes: Row = {
  title: 'Nodes',
  panels: [
    series({
      title: 'Nodes by state',
      about: 'As the node knows that knows of most. Dead ones are shown until what they had is given back.',
      unit: 'short',
      queries: [{ expr: `max by (state) (${of('causeway_nodes')})`, legend: '{{state}}' }],
    }),
    series({
      title: 'Ready and draining',
      about: 'A node that is neither takes no clients, and should.',
      unit: 'short',
      queries: [
        { expr: of('causeway_ready'), legend: '{{instance}} ready' },
        { expr: of('causeway_draining'), legend: '{{instance}} draining' },
      ],
    }),
    series({
      title: 'Deaths',
      about: 'Nodes declared dead, and messages of theirs that were given back to the nodes of their senders.',
      unit: 'ops',
      queries: [
        { expr: rate(of('causeway_nodes_declared_dead_total')), legend: 'deaths' },
        { expr: rate(of('causeway_reaped_messages_total')), legend: 'messages given back' },
      ],
    }),
  ],
};

/** What a load test writes, of which relays and clusters know nothing: it has no labels of theirs. */
const load: Row = {
  title: 'Load (k6)',
  panels: [
    series({
      title: 'Load: connections',
      about:
        'Connections that a running load test has open. This row is empty but for load tests that write to Prometheus.',
      unit: 'short',
      queries: [{ expr: 'sum by (scenario) (k6_connections_open)', legend: '{{scenario}}' }],
    }),
    series({
      title: 'Load: messages',
      about: 'What the load test sends, what its recipients have got, and what was refused.',
      unit: 'mps',
      queries: ['sent', 'delivered', 'refused'].map((what) => ({
        expr: rate(`k6_messages_${what}_total`),
        legend: what,
      })),
    }),
    series({
      title: 'Load: latency',
      about: 'From when a message was to be sent, by the clock of the load test, over the run so far.',
      unit: 's',
      queries: [
        { expr: 'max by (phase) (k6_receipt_latency_p99)', legend: 'receipt p99 {{phase}}' },
        { expr: 'max by (phase) (k6_delivery_latency_p99)', legend: 'delivery p99 {{phase}}' },
        { expr: 'max(k6_registration_latency_p99)', legend: 'registration p99' },
      ],
    }),
    series({
      title: 'Load: broken promises',
      about:
        'Messages repeated, out of order, and at the end of a run those that were lost or had no receipt: none should be.',
      unit: 'short',
      queries: ['lost', 'unanswered', 'duplicated', 'reordered'].map((what) => ({
        expr: `sum(k6_messages_${what}_total)`,
        legend: what,
      })),
    }),
    series({
      title: 'Load: connections lost',
      about: 'That the relay or the network closed, or that did not come about.',
      unit: 'short',
      queries: ['closed', 'failed'].map((what) => ({ expr: `sum(k6_connections_${what}_total)`, legend: what })),
    }),
  ],
};

export const fleet = dashboard({
  uid: 'causeway-fleet',
  title: 'Causeway: fleet',
  about: 'All nodes together: clients, messages and what became of them, rooms and tunnels, and the nodes themselves.',
  rows: [now, clients, messages, roomsAndTunnels, nodes, load],
});
