import exec from 'k6/execution';
import { Counter, Gauge, Trend } from 'k6/metrics';

/** From when a message was to be sent to its receipt; the recipient's acknowledgment is in it. Tag `phase`. */
export const receiptLatency = new Trend('receipt_latency', true);
/** From when a message was to be sent until the recipient has it. Stored messages are left out. Tag `phase`. */
export const deliveryLatency = new Trend('delivery_latency', true);
/** From the first packet to the WELCOME. */
export const registrationLatency = new Trend('registration_latency', true);

export const sent = new Counter('messages_sent');
export const delivered = new Counter('messages_delivered');
/** Receipts, by the tag `status`. */
export const receipts = new Counter('messages_receipts');
export const refused = new Counter('messages_refused');
export const lost = new Counter('messages_lost');
export const unanswered = new Counter('messages_unanswered');
export const duplicated = new Counter('messages_duplicated');
export const repeated = new Counter('messages_repeated');
export const reordered = new Counter('messages_reordered');
/** Packets that break the protocol, receipts that are owed to nothing, gaps in `seq`. */
export const violations = new Counter('protocol_violations');

/** Now, by the tag `vu`: of a gauge k6 itself knows the last value of any. */
const connections = new Gauge('connections_open');
export const opened = new Counter('connections_opened');
export const failed = new Counter('connections_failed');
/** Closed by the relay or the network, by the tag `code`. */
export const closed = new Counter('connections_closed');

const COUNTERS = [
  ...[sent, delivered, receipts, refused, lost, unanswered, duplicated, repeated, reordered],
  ...[violations, opened, failed, closed],
];

/** Adds nothing to each counter: of what was never added to, k6 writes no series, and shows nothing at the end. */
export function touchAll(): void {
  for (const counter of COUNTERS) counter.add(0);
}

let open = 0;

/** @param change 1 or -1 */
export function countConnection(change: number): void {
  open += change;
  connections.add(open, { vu: String(exec.vu.idInTest) });
}
