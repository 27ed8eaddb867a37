import {
  isTemporary,
  type MessageId,
  type PeerId,
  type RealmName,
  ReceiptStatus,
  receiptStatusName,
  SendFlag,
  type SendFrame,
  THROTTLE_INTERVAL_MS,
  type ThrottleScope,
} from '@causeway/protocol';
import { type PeerKey, peerKey, peerOf } from './address.ts';
import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import type { Counters } from './counters.ts';
import type { DropReason } from './drops.ts';
import { BY_CLUSTER, BY_PEER, BY_REALM, PASSED, SCOPES, type SendAllowance, type Verdict } from './limits.ts';
import { type Load, MESSAGE_OVERHEAD_BYTES } from './load.ts';
import type { Message } from './message.ts';
import type { Pending } from './pending.ts';
import type { Settings } from './settings.ts';
import type { Span, TraceStarts } from './tracer.ts';
import type { UsageAccount } from './usage.ts';

/** When a client should try again after a refusal by a full queue or mailbox. */
const OVERLOADED_RETRY_MS = 200;
/** Recipients that may have refused something on one connection; what they refused is remembered until it ends. */
export const MAX_REFUSING = 4096;

const LIMIT_REASONS: Readonly<Record<Verdict, DropReason>> = {
  [PASSED]: 'sticky',
  [BY_PEER]: 'rate_peer',
  [BY_REALM]: 'rate_realm',
  [BY_CLUSTER]: 'rate_cluster',
};

/** What a recipient's messages of this connection met: refused until the sender begins the next run. */
interface Flow {
  run: number;
  /** 0 while messages are taken. */
  refusedWith: number;
  /** What was refused had not gone anywhere: going on needs no new run. */
  isLocal: boolean;
}

export interface SenderDeps {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly load: Load;
  /** Number of the next message that this node takes in. */
  readonly nextOrder: () => number;
  /** Brings a message to its recipient, wherever that is. */
  readonly dispatch: (message: Message) => void;
  /** A message that went to another node has its outcome. */
  readonly settled: (pending: Pending) => void;
  /** A message was refused for now; called before `settled`, which may send on what has waited behind it. */
  readonly refused: (session: number, pending: Pending, status: number) => void;
}

/** The sending half of a connection: its send window, its refusals, and one receipt for each message. */
export class Sender {
  private readonly session: number;
  private readonly from: PeerId;
  private readonly realm: RealmName;
  private readonly allowance: SendAllowance;
  private readonly account: UsageAccount;
  /** Null: nothing is traced. */
  private readonly traces: TraceStarts | null;
  private readonly deps: SenderDeps;
  private connection: Connection | null;
  private readonly pending = new Map<MessageId, Pending>();
  /** Only recipients that refused something on this connection. */
  private flows: Map<PeerKey, Flow> | null = null;
  private lastAssignedId = 0;
  private throttledAt = 0;
  /** The level that refused a message last. */
  private limitedBy: Verdict = PASSED;

  constructor(
    session: number,
    realm: RealmName,
    from: PeerId,
    connection: Connection,
    allowance: SendAllowance,
    account: UsageAccount,
    deps: SenderDeps,
    traces: TraceStarts | null = null,
  ) {
    this.session = session;
    this.realm = realm;
    this.from = from;
    this.connection = connection;
    this.allowance = allowance;
    this.account = account;
    this.deps = deps;
    this.traces = traces;
  }

  get pendingCount(): number {
    return this.pending.size;
  }

  /** Milliseconds since 1970 at which the oldest message without an outcome was sent; null for none. */
  get oldestPending(): number | null {
    for (const pending of this.pending.values()) return pending.at;
    return null;
  }

  /** More recipients have refused something than may be remembered: the connection has to begin anew. */
  get isRefusedTooOften(): boolean {
    return this.flows !== null && this.flows.size > MAX_REFUSING;
  }

  /** The account of a message that has come back from another node; undefined when nobody waits for its outcome. */
  pendingOf(id: MessageId): Pending | undefined {
    return this.pending.get(id);
  }

  /** Whether a message without an outcome went one of these ways. */
  isOn(paths: ReadonlySet<number>): boolean {
    for (const { path } of this.pending.values()) if (paths.has(path)) return true;
    return false;
  }

  send(frame: SendFrame): void {
    const { settings, counters, clock } = this.deps;
    const id = frame.id ?? this.assignId();
    if (this.pending.has(id)) return counters.drop('duplicate_id');
    const { to, flags, payload } = frame;
    if (to === null) return this.refuse(id, ReceiptStatus.bad_recipient, 'bad_recipient');
    if (payload.length > settings.maxPayload) return this.refuse(id, ReceiptStatus.too_large, 'too_large');
    const key = peerKey(this.realm, to);
    const flow = this.flows?.get(key);
    if (flow !== undefined && !this.mayGoOn(key, flow, flags)) return this.refuse(id, flow.refusedWith, 'sticky');
    if (this.pending.size >= settings.sendWindow) return this.overload(id, key, flow, 'send_window');
    const bytes = payload.length + MESSAGE_OVERHEAD_BYTES;
    if (this.deps.load.messageBytes + bytes > settings.messageBytes) return this.overload(id, key, flow, 'node_full');
    const verdict = this.allowance.take(payload.length);
    if (verdict !== PASSED) return this.limit(id, key, flow, verdict);
    this.deps.load.messageBytes += bytes;
    this.account.messagesIn += 1;
    this.account.bytesIn += payload.length;
    const run = flow?.run ?? 0;
    const order = this.deps.nextOrder();
    const span = this.traces === null ? null : this.traces.begin('send');
    const pending: Pending = { to: key, flags, run, order, at: clock.now(), bytes, path: 0, settled: false, span };
    this.pending.set(id, pending);
    this.deps.dispatch({
      id,
      flags,
      from: this.from,
      to: key,
      payload,
      origin: settings.node,
      session: this.session,
      run,
      order,
      pending,
      entry: null,
      path: 0,
      trace: span,
    });
  }

  /** The outcome of a message. */
  receipt(id: MessageId, status: number): void {
    const pending = this.pending.get(id);
    if (pending === undefined) return;
    this.pending.delete(id);
    this.observe(pending, status);
    if (pending.span !== null) this.traced(pending.span, id, pending, status);
    if (isTemporary(status)) {
      this.stick(pending.to, pending.run, status);
      this.deps.refused(this.session, pending, status);
    }
    this.settle(pending);
    if (isGood(status) && (pending.flags & SendFlag.noReceipt) !== 0) return;
    this.answer(id, status);
  }

  /** The connection has gone; what is under way still comes in and is accounted for. */
  disconnect(): void {
    this.connection = null;
  }

  /** Nobody waits for the outcomes any more, and they may never come. */
  abandon(): void {
    const abandoned = [...this.pending.values()];
    this.pending.clear();
    for (const pending of abandoned) {
      pending.span?.end({ 'causeway.outcome': 'unknown' }, true);
      this.settle(pending);
    }
  }

  private observe({ at, span }: Pending, status: number): void {
    const { clock, counters } = this.deps;
    const outcome = isGood(status) ? (status === ReceiptStatus.queued ? 'queued' : 'delivered') : 'refused';
    const now = clock.now();
    counters.receiptLatency[outcome].observe(Math.max(0, now - at));
    if (span !== null) counters.receiptLatency[outcome].exemplify(Math.max(0, now - at), span.traceId, now);
  }

  private traced(span: Span, id: MessageId, { to, bytes }: Pending, status: number): void {
    const attributes = {
      'causeway.realm': this.realm,
      'causeway.from': this.from,
      'causeway.to': peerOf(to),
      'causeway.message.id': String(id),
      'causeway.message.bytes': bytes - MESSAGE_OVERHEAD_BYTES,
      'causeway.outcome': receiptStatusName(status) ?? String(status),
    };
    span.end(attributes, !isGood(status));
  }

  private settle(pending: Pending): void {
    pending.settled = true;
    this.deps.load.messageBytes -= pending.bytes;
    if (pending.path === 0) return;
    this.deps.settled(pending);
    pending.path = 0;
  }

  private mayGoOn(to: PeerKey, flow: Flow, flags: number): boolean {
    if (flow.refusedWith === 0) return true;
    if ((flags & SendFlag.afterRefusal) === 0) return false;
    flow.refusedWith = 0;
    if (!flow.isLocal) flow.run = (flow.run + 1) & 0xffff;
    else if (flow.run === 0) this.flows?.delete(to);
    return true;
  }

  private stick(to: PeerKey, run: number, status: number, isLocal = false): void {
    this.flows ??= new Map();
    const flow = this.flows.get(to);
    if (flow === undefined) this.flows.set(to, { run, refusedWith: status, isLocal });
    else if (flow.run === run && (flow.refusedWith === 0 || !isLocal)) {
      flow.refusedWith ||= status;
      flow.isLocal = isLocal;
    }
  }

  private overload(id: MessageId, to: PeerKey, flow: Flow | undefined, reason: DropReason): void {
    this.stick(to, flow?.run ?? 0, ReceiptStatus.overloaded);
    this.refuse(id, ReceiptStatus.overloaded, reason);
  }

  /** Over a limit; what is refused after it until the sender begins again, is refused for it. */
  private limit(id: MessageId, to: PeerKey, flow: Flow | undefined, verdict: Verdict): void {
    this.limitedBy = verdict;
    this.stick(to, flow?.run ?? 0, ReceiptStatus.rate_limited, true);
    this.refuse(id, ReceiptStatus.rate_limited, LIMIT_REASONS[verdict]);
  }

  private refuse(id: MessageId, status: number, reason: DropReason): void {
    this.deps.counters.drop(reason);
    this.deps.counters.receipts[status] = (this.deps.counters.receipts[status] as number) + 1;
    this.answer(id, status);
  }

  private answer(id: MessageId, status: number): void {
    this.connection?.receipt(id, status);
    if (status === ReceiptStatus.rate_limited) this.throttle(SCOPES[this.limitedBy], this.allowance.retryAfterMs);
    else if (status === ReceiptStatus.overloaded) this.throttle('node', OVERLOADED_RETRY_MS);
  }

  private throttle(scope: ThrottleScope, retryAfterMs: number): void {
    const now = this.deps.clock.now();
    if (this.throttledAt + THROTTLE_INTERVAL_MS > now) return;
    this.throttledAt = now;
    this.connection?.send({ type: 'throttle', scope, retryAfterMs });
  }

  /** For a client that sends by hand and leaves the id out. */
  private assignId(): number {
    this.lastAssignedId = Math.max(this.lastAssignedId + 1, this.deps.clock.now() * 1000);
    return this.lastAssignedId;
  }
}

function isGood(status: number): boolean {
  return status === ReceiptStatus.delivered || status === ReceiptStatus.queued;
}
