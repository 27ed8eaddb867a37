import { DROP_REASONS, type DropReason } from './drops.ts';
import { ATTEMPTS } from './shared-ports.ts';
import { TUNNEL_REASONS, type TunnelReason } from './tunnels/far.ts';

export type { Gauges } from './gauges.ts';

/** No realm's name: what all realms without series of their own use. */
export const OTHER_REALMS = '(other)';
/** How a message was carried. */
export const PATHS = ['local', 'remote', 'mailbox'] as const;
export type Path = (typeof PATHS)[number];

/** Upper bounds of latencies that clients see, in milliseconds. */
const LATENCY_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 15_000];

/** How a tunnel comes about: by a peer's id, or by a room. */
export const TUNNEL_KINDS = ['peer', 'room'] as const;

/** How a call for a tunnel ends. */
export const CALL_OUTCOMES = ['accepted', 'offline', 'declined', 'full', 'unavailable'] as const;

/** How the messages ended that a sender waited for. */
export const OUTCOMES = ['delivered', 'queued', 'refused'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Where a message that is delivered directly came from: a sender of this node, or another node. */
export const SOURCES = ['local', 'remote'] as const;
export type Source = (typeof SOURCES)[number];

/** Why an owner stopped direct delivery and wrote its window to the mailbox. */
export const SPILL_CAUSES = ['window_full', 'ack_timeout', 'disconnect', 'handover', 'lost'] as const;
export type SpillCause = (typeof SPILL_CAUSES)[number];

/** A single value of a distribution, and the trace that it comes from. */
export interface Exemplar {
  readonly value: number;
  readonly traceId: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Fixed upper bounds, kept as plain counts: observing costs one short loop and no allocation. */
export class Distribution {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum = 0;
  count = 0;
  /** The last one under each bound, and above all; empty while nothing is traced. */
  readonly exemplars = new Map<number, Exemplar>();

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length).fill(0);
  }

  observe(value: number): void {
    this.sum += value;
    this.count += 1;
    for (let i = 0; i < this.bounds.length; i += 1) {
      if (value <= (this.bounds[i] as number)) {
        this.counts[i] = (this.counts[i] as number) + 1;
        return;
      }
    }
  }

  /** Keeps the trace of a value that was observed. */
  exemplify(value: number, traceId: string, at: number): void {
    const bound = this.bounds.find((bound) => value <= bound) ?? Number.POSITIVE_INFINITY;
    this.exemplars.set(bound, { value, traceId, at });
  }
}

function zeros<K extends string>(keys: readonly K[]): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>;
}

function distributions<K extends string>(keys: readonly K[], bounds: readonly number[]): Record<K, Distribution> {
  return Object.fromEntries(keys.map((key) => [key, new Distribution(bounds)])) as Record<K, Distribution>;
}

/**
 * What the core counts. Plain numbers, so that counting on the message path is an addition; `telemetry/` reads them
 * when it is scraped. All only grow.
 */
export class Counters {
  connectionsOpened = 0;
  /** By close code that the relay gave, or 1000..1015 as the client's. */
  readonly connectionsClosed = new Map<number, number>();
  registrations = { fresh: 0, renewed: 0 };
  /** By error code. */
  readonly registrationsRefused = new Map<string, number>();
  /** Connections that were closed for a ban, or because their token had ended or was revoked. */
  expelled = 0;
  /** Messages handed on: to a client from a sender on this node, to another node, into a mailbox. */
  readonly messages = zeros(PATHS);
  /** Payload bytes of `messages`. */
  readonly bytes = zeros(PATHS);
  /** Receipts given by this node, by status code. */
  readonly receipts = new Array<number>(256).fill(0);
  readonly drops = zeros(Object.keys(DROP_REASONS) as DropReason[]);
  /** Milliseconds between a SEND that was taken and its outcome, on the node of the sender. */
  readonly receiptLatency = distributions(OUTCOMES, LATENCY_MS);
  /**
   * Milliseconds until a message that is delivered directly is handed to its recipient's connection: from its SEND, or,
   * where it came from another node, from its append to the inbox (by the store's clock).
   */
  readonly deliveryLatency = distributions(SOURCES, LATENCY_MS);
  readonly spills = zeros(SPILL_CAUSES);
  /** Messages that spills wrote. */
  spilledMessages = 0;
  /** Messages delivered out of mailboxes. */
  mailboxDelivered = 0;
  handovers = 0;
  /** Registrations that the store had lost and that were made again. */
  reclaimed = 0;
  /** Dead nodes that this one has reaped, and messages that it gave back to the nodes that had sent them. */
  reaped = 0;
  reapedMessages = 0;
  /** Other nodes that this one has declared dead; two may do so at once. */
  declaredDead = 0;
  lookups = 0;
  /** Messages that came back from a node that had the peer no more: it named the new owner, or knew of none. */
  returnedNamed = 0;
  returnedUnknown = 0;
  linkRetries = 0;
  linkGaps = 0;
  linkFull = 0;
  /** Frames in one append to another node's inbox. */
  readonly batchFrames = new Distribution([1, 2, 4, 8, 16, 32, 64, 128, 256, 512]);
  /** Milliseconds between an entry's append and its reading. */
  readonly inboxLag = new Distribution([1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000]);
  inboxEntries = 0;
  presenceChanges = 0;
  /** Requests to the store for tokens of limits. */
  readonly leases = { answered: 0, failed: 0 };
  /** Calls with usage to the store: answered, not answered and therefore repeated; and realms' hours that were lost. */
  readonly usageWrites = { added: 0, unanswered: 0, given_up: 0 };
  /** Of the realms that have series of their own (see RealmSeries), and of all others together. */
  readonly realmMessagesIn = new Map<string, number>([[OTHER_REALMS, 0]]);
  readonly realmBytesIn = new Map<string, number>([[OTHER_REALMS, 0]]);
  readonly realmMessagesOut = new Map<string, number>([[OTHER_REALMS, 0]]);
  readonly realmBytesOut = new Map<string, number>([[OTHER_REALMS, 0]]);
  /** Connections and registrations that were refused because there had been too many attempts. */
  readonly attemptsRefused = zeros(ATTEMPTS);
  roomsOpened = 0;
  /** Joins that found no room. */
  joinsFailed = 0;
  /** How calls for tunnels of this node's clients ended. */
  readonly tunnelCalls = zeros(CALL_OUTCOMES);
  /** Tunnels that came about on this node's side of the peer that was called. */
  readonly tunnelsOpened = zeros(TUNNEL_KINDS);
  /** Tunnels that the relay closed, by its reason. */
  readonly tunnelsFailed = zeros(Object.keys(TUNNEL_REASONS) as TunnelReason[]);
  /** Bytes that clients of this node sent into tunnels. */
  tunnelBytes = 0;
  /** Changes of the TLS certificate and its key that were taken up, and that could not be. */
  readonly certificateReloads = { ok: 0, failed: 0 };

  drop(reason: DropReason, count = 1): void {
    this.drops[reason] += count;
  }

  closed(code: number): void {
    this.connectionsClosed.set(code, (this.connectionsClosed.get(code) ?? 0) + 1);
  }

  carried(path: Path, bytes: number): void {
    this.messages[path] += 1;
    this.bytes[path] += bytes;
  }
}
