import { CloseCode, ErrorCode, ReceiptStatus } from '@causeway/protocol';
import type { Counters, Distribution, Gauges } from '../core/counters.ts';
import type { NodeRecord } from '../core/ports.ts';
import { limitMetrics } from './limit-metrics.ts';
import type { Metric, Reading, Sample, Source } from './metric.ts';

export type * from './metric.ts';

const MS_PER_SECOND = 1000;
/** So many realms with limits have series of their own, those that were refused most. */
const LIMITED_REALMS = 20;
const NODE_STATES = ['live', 'draining', 'dead'] as const;

/** Every metric of the relay; `docs/metrics.md` is generated from it. Label values come from closed lists; only realms' names do not, of which there are few at a time. */
export const METRICS: readonly Metric[] = [
  gauge('connections', 'Open connections of clients', ({ gauges }) => gauges.connections),
  own('connections_max', 'Connections that this node takes at most', ({ maxConnections }) => maxConnections),
  counter('connections_opened_total', 'Connections opened', ({ counters }) => counters.connectionsOpened),
  counters('connections_closed_total', 'Connections closed, by WebSocket close code', 'code', closeCodes),
  gauge('registrations', 'Peers that are registered on this node now', ({ gauges }) => gauges.registrations),
  counters('registrations_total', 'Registrations, fresh or renewed', 'kind', ({ counters }) => counters.registrations),
  counters('registrations_refused_total', 'Registrations refused, by error code', 'code', ({ counters }) =>
    named(Object.keys(ErrorCode), counters.registrationsRefused),
  ),
  counter(
    'connections_expelled_total',
    'Connections closed for a ban, by an operator, or because their token had ended or was revoked',
    ({ counters }) => counters.expelled,
  ),
  counters(
    'attempts_refused_total',
    'Refusals because there had been too many attempts, by what was tried',
    'attempt',
    ({ counters }) => counters.attemptsRefused,
  ),
  own('policy_version', 'Version of the policy in force here; 0 without one', (source) => source.policyVersion()),
  ...limitMetrics(({ source }) => source.limits(LIMITED_REALMS)),
  counters(
    'limit_leases_total',
    'Questions to Redis about the buckets of limits, by result',
    'result',
    ({ counters }) => counters.leases,
  ),
  counters(
    'messages_total',
    'Messages handed on: to a client of this node, to another node, into a mailbox',
    'path',
    ({ counters }) => counters.messages,
  ),
  counters('message_bytes_total', 'Payload bytes of the messages handed on', 'path', ({ counters }) => counters.bytes),
  counters('receipts_total', 'Receipts given to senders of this node', 'status', receipts),
  histograms(
    'receipt_seconds',
    'Time from a SEND that was taken to its outcome, at the node of the sender',
    'outcome',
    ({ counters }) => counters.receiptLatency,
  ),
  histograms(
    'delivery_seconds',
    'Time until a message is handed directly to its recipient: from its SEND (local), or from its append to the inbox by the clock of Redis (remote)',
    'source',
    ({ counters }) => counters.deliveryLatency,
  ),
  counters('drops_total', 'Messages and frames not carried on', 'reason', ({ counters }) => counters.drops),
  counters('spills_total', 'Delivery windows written to a mailbox', 'cause', ({ counters }) => counters.spills),
  counter('spilled_messages_total', 'Messages that spills wrote', ({ counters }) => counters.spilledMessages),
  counter(
    'mailbox_delivered_total',
    'Messages delivered out of mailboxes',
    ({ counters }) => counters.mailboxDelivered,
  ),
  gauge('catching_up_recipients', 'Recipients that receive from their mailbox now', ({ gauges }) => gauges.catchingUp),
  counter('handovers_total', 'Registrations handed over to another node', ({ counters }) => counters.handovers),
  counter(
    'registrations_reclaimed_total',
    'Registrations that Redis had lost and that were made again',
    ({ counters }) => counters.reclaimed,
  ),
  {
    type: 'gauge',
    name: 'causeway_nodes',
    help: 'Nodes of the cluster by their state, as this one knows them; dead ones until they are reaped',
    labels: ['state'],
    read: ({ source }) => nodeStates(source.nodes()),
  },
  own('draining', '1 while the node sends its clients away to stop, else 0', (source) => Number(source.isDraining())),
  counter(
    'nodes_declared_dead_total',
    'Other nodes that this one has declared dead; two may do so at once',
    ({ counters }) => counters.declaredDead,
  ),
  counter('nodes_reaped_total', 'Dead nodes that this node has reaped', ({ counters }) => counters.reaped),
  counter(
    'reaped_messages_total',
    'Messages of dead nodes that were given back to the nodes that had sent them',
    ({ counters }) => counters.reapedMessages,
  ),
  counter('lookups_total', 'Locations looked up in the directory', ({ counters }) => counters.lookups),
  counters(
    'returned_messages_total',
    'Messages that the node of their recipient gave back',
    'owner',
    ({ counters }) => ({
      named: counters.returnedNamed,
      unknown: counters.returnedUnknown,
    }),
  ),
  gauge('cached_routes', 'Locations of peers in the cache', ({ gauges }) => gauges.cachedRoutes),
  gauge('pending_sends', 'Messages of senders of this node without an outcome', ({ gauges }) => gauges.sendsPending),
  gauge('link_frames', 'Frames waiting for their append or its acknowledgment', ({ gauges }) => gauges.linkFrames),
  gauge('link_bytes', 'Bytes of the frames that wait on links', ({ gauges }) => gauges.linkBytes),
  counter('link_retries_total', 'Appends to inboxes that were repeated', ({ counters }) => counters.linkRetries),
  counter('link_gaps_total', 'Appends refused because one before was lost', ({ counters }) => counters.linkGaps),
  counter('link_full_total', 'Appends refused by a full inbox', ({ counters }) => counters.linkFull),
  histogram('link_batch_frames', 'Frames in one append to an inbox', 1, ({ counters }) => counters.batchFrames),
  histogram(
    'inbox_lag_seconds',
    'Time between the append of an inbox entry and its reading',
    MS_PER_SECOND,
    ({ counters }) => counters.inboxLag,
  ),
  counter('inbox_entries_total', 'Entries read from the inbox of this node', ({ counters }) => counters.inboxEntries),
  gauge('inbox_unsettled_entries', 'Inbox entries read and not settled', ({ gauges }) => gauges.inboxUnsettled),
  gauge('watched_peers', 'Peers whose presence clients of this node watch', ({ gauges }) => gauges.watchedPeers),
  counter('presence_changes_total', 'Changes of presence told to watchers', ({ counters }) => counters.presenceChanges),
  gauge(
    'tunnel_ends',
    'Ends of tunnels at clients of this node, asked for ones included',
    ({ gauges }) => gauges.tunnelEnds,
  ),
  counters(
    'tunnels_opened_total',
    'Tunnels opened, by how: at the node of the peer that was called, or whose room it was',
    'kind',
    ({ counters }) => counters.tunnelsOpened,
  ),
  counters(
    'tunnel_calls_total',
    'Calls for tunnels and joins of found rooms of clients of this node, by outcome',
    'outcome',
    ({ counters }) => counters.tunnelCalls,
  ),
  counters(
    'tunnels_failed_total',
    'Tunnels that this node closed, by reason',
    'reason',
    ({ counters }) => counters.tunnelsFailed,
  ),
  counter(
    'tunnel_bytes_total',
    'Bytes that clients of this node sent into tunnels',
    ({ counters }) => counters.tunnelBytes,
  ),
  gauge(
    'tunnel_waiting_bytes',
    'Bytes of tunnels that wait for a client or for another node',
    ({ gauges }) => gauges.tunnelBytes,
  ),
  counter('rooms_opened_total', 'Rooms opened', ({ counters }) => counters.roomsOpened),
  counter('room_joins_failed_total', 'Joins that found no room', ({ counters }) => counters.joinsFailed),
  counters(
    'usage_writes_total',
    'Calls with usage: answered, unanswered and repeated; and hours of realms that were lost',
    'result',
    ({ counters }) => counters.usageWrites,
  ),
  realmTraffic(
    'realm_messages_total',
    'Messages taken from peers of the busiest realms of this node, and handed to them; the rest is `(other)`',
    ({ counters }) => ({ in: counters.realmMessagesIn, out: counters.realmMessagesOut }),
  ),
  realmTraffic('realm_message_bytes_total', 'Payload bytes of these messages', ({ counters }) => ({
    in: counters.realmBytesIn,
    out: counters.realmBytesOut,
  })),
  counters(
    'tls_certificate_reloads_total',
    'Changes of the TLS certificate and its key, taken up (ok) or not',
    'result',
    ({ counters }) => counters.certificateReloads,
  ),
  {
    type: 'gauge',
    name: 'causeway_tls_certificate_not_after_seconds',
    help: 'When the TLS certificate ends, seconds since 1970; absent without TLS',
    labels: [],
    read({ source }) {
      const notAfter = source.certificateNotAfter();
      return notAfter === null ? [] : [{ labels: {}, value: notAfter / MS_PER_SECOND }];
    },
  },
  {
    type: 'counter',
    name: 'causeway_redis_commands_total',
    help: 'Commands and scripts answered by Redis, by outcome: ok or error',
    labels: ['command', 'result'],
    read: ({ source }) =>
      [...source.redis.commands].flatMap(([command, { ok, error }]) => [
        { labels: { command, result: 'ok' }, value: ok },
        { labels: { command, result: 'error' }, value: error },
      ]),
  },
  {
    type: 'histogram',
    name: 'causeway_redis_command_seconds',
    help: 'Time until Redis answered; `inboxRead` and `tunnelRead` wait for entries: their time says nothing of Redis',
    labels: ['command'],
    perUnit: MS_PER_SECOND,
    read: ({ source }) =>
      [...source.redis.commands].map(([command, { latency }]) => ({ labels: { command }, distribution: latency })),
  },
  {
    type: 'gauge',
    name: 'causeway_redis_slots',
    help: 'Slots of a Redis Cluster, of 16384, by the primary that has them as far as this node knows',
    labels: ['primary'],
    read: ({ source }) => [...source.redisSlots()].map(([primary, value]) => ({ labels: { primary }, value })),
  },
  {
    type: 'gauge',
    name: 'causeway_ready',
    help: '1 when the node takes clients, else 0',
    labels: [],
    read: ({ source }) => [{ labels: {}, value: source.isReady() ? 1 : 0 }],
  },
  {
    type: 'gauge',
    name: 'causeway_build_info',
    help: 'Always 1; the labels tell which relay this is',
    labels: ['version', 'node', 'region'],
    read: ({ source }) => [{ labels: { ...source.build() }, value: 1 }],
  },
];

type Values = Readonly<Record<string, number>>;
interface Counts {
  readonly counters: Counters;
  readonly gauges: Gauges;
}

function countsOf({ source, gauges }: Reading): Counts {
  return { counters: source.counters, gauges };
}

function single(type: 'counter' | 'gauge', name: string, help: string, value: (counts: Counts) => number): Metric {
  return {
    type,
    name: `causeway_${name}`,
    help,
    labels: [],
    read: (reading) => [{ labels: {}, value: value(countsOf(reading)) }],
  };
}

function gauge(name: string, help: string, value: (counts: Counts) => number): Metric {
  return single('gauge', name, help, value);
}

function counter(name: string, help: string, value: (counts: Counts) => number): Metric {
  return single('counter', name, help, value);
}

/** A gauge that is not the core's. */
function own(name: string, help: string, value: (source: Source) => number): Metric {
  const read = ({ source }: Reading) => [{ labels: {}, value: value(source) }];
  return { type: 'gauge', name: `causeway_${name}`, help, labels: [], read };
}

/** Those that are reaped are remembered for a day, and no part of the cluster. */
function nodeStates(nodes: readonly NodeRecord[]): Sample[] {
  return NODE_STATES.map((state) => ({
    labels: { state },
    value: nodes.filter((node) => node.state === state).length,
  }));
}

function counters(name: string, help: string, label: string, values: (counts: Counts) => Values): Metric {
  return {
    type: 'counter',
    name: `causeway_${name}`,
    help,
    labels: [label],
    read: (reading) =>
      Object.entries(values(countsOf(reading))).map(([key, value]) => ({ labels: { [label]: key }, value })),
  };
}

/** At most as many realms as have series of their own. */
function realmTraffic(
  name: string,
  help: string,
  values: (counts: Counts) => Readonly<Record<string, ReadonlyMap<string, number>>>,
): Metric {
  return {
    type: 'counter',
    name: `causeway_${name}`,
    help,
    labels: ['realm', 'direction'],
    read: (reading) =>
      Object.entries(values(countsOf(reading))).flatMap(([direction, counts]) =>
        [...counts].map(([realm, value]) => ({ labels: { realm, direction }, value })),
      ),
  };
}

function histogram(name: string, help: string, perUnit: number, read: (counts: Counts) => Distribution): Metric {
  return {
    type: 'histogram',
    name: `causeway_${name}`,
    help,
    labels: [],
    perUnit,
    read: (reading) => [{ labels: {}, distribution: read(countsOf(reading)) }],
  };
}

/** Of latencies, by a label. */
function histograms(
  name: string,
  help: string,
  label: string,
  read: (counts: Counts) => Readonly<Record<string, Distribution>>,
): Metric {
  return {
    type: 'histogram',
    name: `causeway_${name}`,
    help,
    labels: [label],
    perUnit: MS_PER_SECOND,
    read: (reading) =>
      Object.entries(read(countsOf(reading))).map(([key, distribution]) => ({
        labels: { [label]: key },
        distribution,
      })),
  };
}

function receipts({ counters }: Counts): Values {
  return Object.fromEntries(
    Object.entries(ReceiptStatus).map(([name, status]) => [name, counters.receipts[status] ?? 0]),
  );
}

/** The codes of WebSocket itself and ours; any other is counted as `other`. */
function closeCodes({ counters }: Counts): Values {
  const standard = Array.from({ length: 16 }, (_, index) => 1000 + index);
  const counts = new Map([...counters.connectionsClosed].map(([code, count]) => [String(code), count]));
  return named([...standard, ...Object.values(CloseCode)].map(String), counts);
}

/** A value for each name, 0 where there is none; everything else together is `other`. */
function named(names: readonly string[], counts: ReadonlyMap<string, number>): Values {
  const values: Record<string, number> = Object.fromEntries(names.map((name) => [name, 0]));
  let other = 0;
  for (const [name, count] of counts) {
    if (Object.hasOwn(values, name)) values[name] = count;
    else other += count;
  }
  return { ...values, other };
}
