import { dashboard, type Row } from './frame.ts';
import { of, quantile, rate, series } from './kit.ts';
import { tunnelsByNode } from './tunnels.ts';

const SLOWEST = 'command!~"inboxRead|tunnelRead"';

const process: Row = {
  title: 'Process',
  panels: [
    series({
      title: 'Event loop',
      about: 'How late it comes (99th percentile between two scrapes). Everything that a node does waits for it.',
      unit: 's',
      thresholds: [0.1, 0.2],
      queries: [{ expr: of('nodejs_eventloop_lag_p99_seconds'), legend: '{{instance}}' }],
    }),
    series({
      title: 'CPU',
      about: 'Seconds a second; the message path has one core.',
      unit: 'percentunit',
      thresholds: [0.7, 0.9],
      queries: [{ expr: rate(of('process_cpu_seconds_total'), 'instance'), legend: '{{instance}}' }],
    }),
    series({
      title: 'Memory',
      about: 'Resident memory, and the part of it that is the heap of JavaScript.',
      unit: 'bytes',
      queries: [
        { expr: of('process_resident_memory_bytes'), legend: '{{instance}} resident' },
        { expr: of('nodejs_heap_size_used_bytes'), legend: '{{instance}} heap' },
      ],
    }),
    series({
      title: 'Garbage collection',
      about: 'Seconds a second.',
      unit: 'percentunit',
      queries: [{ expr: rate(of('nodejs_gc_duration_seconds_sum'), 'kind'), legend: '{{kind}}' }],
    }),
    series({
      title: 'Open files',
      about: 'Of those that the process may have; a connection is one.',
      unit: 'percentunit',
      thresholds: [0.75, 0.9],
      queries: [{ expr: `${of('process_open_fds')} / ${of('process_max_fds')}`, legend: '{{instance}}' }],
    }),
    series({
      title: 'Certificate',
      about: 'Time until the TLS certificate ends; empty without TLS.',
      unit: 's',
      thresholds: [14 * 86_400, 3 * 86_400],
      queries: [{ expr: `${of('causeway_tls_certificate_not_after_seconds')} - time()`, legend: '{{instance}}' }],
    }),
  ],
};

const links: Row = {
  title: 'Between nodes',
  panels: [
    series({
      title: 'Inbox lag',
      about: 'Time between the append of an entry and its reading (99th percentile), by the clock of Redis.',
      unit: 's',
      thresholds: [0.25, 1],
      queries: [{ expr: quantile(0.99, 'causeway_inbox_lag_seconds', 'instance'), legend: '{{instance}}' }],
    }),
    series({
      title: 'Inbox',
      about: 'Entries read, and those that are not settled: their messages have no outcome yet.',
      unit: 'short',
      queries: [
        { expr: rate(of('causeway_inbox_entries_total'), 'instance'), legend: '{{instance}} read/s' },
        { expr: of('causeway_inbox_unsettled_entries'), legend: '{{instance}} unsettled' },
      ],
    }),
    series({
      title: 'Batch size',
      about: 'Frames in one append to an inbox: grows with the load, and makes it cheaper.',
      unit: 'short',
      queries: [
        { expr: quantile(0.5, 'causeway_link_batch_frames'), legend: 'p50' },
        { expr: quantile(0.99, 'causeway_link_batch_frames'), legend: 'p99' },
        {
          expr: `${rate(of('causeway_link_batch_frames_sum'))} / ${rate(of('causeway_link_batch_frames_count'))}`,
          legend: 'mean',
        },
      ],
    }),
    series({
      title: 'Waiting for other nodes',
      about: 'Bytes of frames whose append or acknowledgment is outstanding.',
      unit: 'bytes',
      queries: [{ expr: of('causeway_link_bytes'), legend: '{{instance}}' }],
    }),
    series({
      title: 'Appends repeated',
      about: 'Redis did not answer, or not now.',
      unit: 'ops',
      queries: [{ expr: rate(of('causeway_link_retries_total'), 'instance'), legend: '{{instance}}' }],
    }),
    series({
      title: 'Appends refused',
      about: 'For a gap, because Redis has forgotten what it had confirmed; or by a full inbox.',
      unit: 'ops',
      queries: [
        { expr: rate(of('causeway_link_gaps_total')), legend: 'gaps' },
        { expr: rate(of('causeway_link_full_total')), legend: 'full' },
      ],
    }),
    series({
      title: 'Routes',
      about: 'Locations looked up, and messages that came back because their recipient had moved.',
      unit: 'ops',
      queries: [
        { expr: rate(of('causeway_lookups_total')), legend: 'lookups' },
        { expr: rate(of('causeway_returned_messages_total'), 'owner'), legend: 'came back, owner {{owner}}' },
      ],
    }),
  ],
};

const mailboxes: Row = {
  title: 'Mailboxes',
  panels: [
    series({
      title: 'Spills',
      about: 'Delivery windows written to a mailbox, by cause. `ack_timeout` and `window_full`: consumers are slow.',
      unit: 'ops',
      stacked: true,
      queries: [{ expr: rate(of('causeway_spills_total'), 'cause'), legend: '{{cause}}' }],
    }),
    series({
      title: 'In and out',
      about: 'Messages stored, those of spills among them, and delivered out of mailboxes.',
      unit: 'mps',
      queries: [
        { expr: rate(of('causeway_messages_total', 'path="mailbox"')), legend: 'stored' },
        { expr: rate(of('causeway_spilled_messages_total')), legend: 'spilled' },
        { expr: rate(of('causeway_mailbox_delivered_total')), legend: 'delivered' },
      ],
    }),
    series({
      title: 'Lost to caps and time',
      about: 'Stored messages that a cap evicted, or that waited for longer than they may.',
      unit: 'mps',
      queries: [
        { expr: rate(of('causeway_drops_total', 'reason=~"evicted|expired"'), 'reason'), legend: '{{reason}}' },
      ],
    }),
  ],
};

const redis: Row = {
  title: 'Redis',
  panels: [
    series({
      title: 'Commands',
      about: 'The ten that are asked most.',
      unit: 'ops',
      stacked: true,
      queries: [{ expr: `topk(10, ${rate(of('causeway_redis_commands_total'), 'command')})`, legend: '{{command}}' }],
    }),
    series({
      title: 'Errors',
      about: 'Commands without an answer in time, or refused.',
      unit: 'ops',
      queries: [
        {
          expr: `${rate(of('causeway_redis_commands_total', 'result="error"'), 'command')} > 0`,
          legend: '{{command}}',
        },
      ],
    }),
    series({
      title: 'Latency',
      about: 'Of all commands but the one that waits for entries.',
      unit: 's',
      thresholds: [0.05, 0.25],
      queries: [
        {
          expr: `${rate(of('causeway_redis_command_seconds_sum', SLOWEST))} / ${rate(of('causeway_redis_command_seconds_count', SLOWEST))}`,
          legend: 'mean',
        },
        { expr: quantile(0.99, 'causeway_redis_command_seconds', '', SLOWEST), legend: 'p99' },
      ],
    }),
    series({
      title: 'Latency by command',
      about: '99th percentile; the ten slowest.',
      unit: 's',
      queries: [
        {
          expr: `topk(10, ${quantile(0.99, 'causeway_redis_command_seconds', 'command', SLOWEST)})`,
          legend: '{{command}}',
        },
      ],
    }),
    series({
      title: 'Latency by node',
      about: '99th percentile. One node alone: look at its event loop; all of them: at Redis.',
      unit: 's',
      queries: [
        { expr: quantile(0.99, 'causeway_redis_command_seconds', 'instance', SLOWEST), legend: '{{instance}}' },
      ],
    }),
    series({
      title: 'Slots',
      about: 'Of a Redis Cluster, by the primary that has them; 16384 together.',
      unit: 'short',
      stacked: true,
      queries: [{ expr: `max by (primary) (${of('causeway_redis_slots')})`, legend: '{{primary}}' }],
    }),
  ],
};

export const nodeAndRedis = dashboard({
  uid: 'causeway-node',
  title: 'Causeway: node and Redis',
  about: 'What goes on inside of nodes, between them, and in Redis.',
  rows: [process, links, mailboxes, tunnelsByNode, redis],
});
