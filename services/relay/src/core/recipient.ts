import {
  CloseCode,
  DeliverFlag,
  type PeerId,
  type RealmName,
  ReceiptStatus,
  receiptStatusName,
} from '@causeway/protocol';
import { type PeerKey, peerOf, realmOf } from './address.ts';
import { Backlog, type Waiting } from './backlog.ts';
import type { Connection } from './connection.ts';
import type { SpillCause } from './counters.ts';
import type { WindowState } from './inspection-ports.ts';
import { isAtOrBefore } from './mailbox-id.ts';
import { MailboxWriter, type MailboxWriterDeps } from './mailbox-writer.ts';
import { AGAIN, isAgain, isStorable, type Message } from './message.ts';
import type { HandedOver, Location, MailboxEntry, MailboxId, Registered, RegisterRequest } from './ports.ts';
import { Removals } from './removals.ts';
import { Retry } from './retry.ts';
import type { Span, TraceContext } from './tracer.ts';
import type { UsageAccount } from './usage.ts';
import { type Delivery, deliveryBytes, endDelivery, Window } from './window.ts';

export interface RecipientDeps extends MailboxWriterDeps {
  readonly account: (realm: RealmName, peer: PeerId) => UsageAccount;
  /** Has `sweep` called now and then, until it answers false. */
  readonly sweepLater: (recipient: Recipient) => void;
  /** The store has lost the registration; it is to be made again. */
  readonly onLost: (recipient: Recipient) => void;
  /** The registration has ended; `rest` came too late for it. `lost`: the store did not know of it any more. */
  readonly onEnded: (recipient: Recipient, handedOver: HandedOver, rest: readonly Message[], lost: boolean) => void;
}

/**
 * `joining`: earlier registrations must hand over first; arrivals wait. `catching-up`: the mailbox is delivered, and
 * what arrives goes behind it. `live`: arrivals are delivered at once. `leaving`: what is not acknowledged is written to
 * the mailbox, then the registration ends.
 */
export type RecipientMode = 'joining' | 'catching-up' | 'live' | 'leaving' | 'ended';

/**
 * The owner of one registration: while a peer is online its node alone decides the order of what it is shown. A
 * mailbox that holds anything holds, in order, everything stored that is not acknowledged; so a consumer that is slow or
 * silent costs one window of memory.
 */
export class Recipient {
  readonly key: PeerKey;
  /** What was asked for at the registration. */
  readonly request: RegisterRequest;
  location: Location;
  /** Earlier registrations that have to hand over first, oldest first; empty once they have. */
  former: readonly Location[];
  /** Set while messages of this node's own senders must wait for others that are still under way (see Router.hold). */
  held = false;
  /** Of the registration, for what it is shown from its mailbox; null where it is not traced. */
  trace: TraceContext | null = null;
  private connection: Connection | null;
  private readonly deps: RecipientDeps;
  private readonly window: Window;
  private readonly backlog = new Backlog();
  private readonly writer: MailboxWriter;
  private mode: RecipientMode;
  /** The mailbox may hold entries behind `cursor`. */
  private more: boolean;
  private cursor: MailboxId | '' = '';
  /** Spilled deliveries in the mailbox behind entries that have not been read yet. */
  private readonly ahead = new Set<MailboxId>();
  private seen: MailboxId | '';
  private reading = false;
  /** An earlier registration has to hand over before this one may write. */
  private waitsForTurn: boolean;
  /** The store has lost the registration, and it is being made again. */
  private suspended = false;
  /** An earlier registration on this very node has not ended: it may still have messages that come first. */
  private waitsForEarlier: boolean;
  private swept = false;
  /** Since the mailbox began to be read, with the messages out of it; null where that is not traced. */
  private drain: { readonly span: Span; messages: number } | null = null;
  private readonly removals: Removals;
  private readonly account: UsageAccount;
  private readonly retry = new Retry();

  constructor(
    request: RegisterRequest,
    registered: Registered,
    hasEarlier: boolean,
    connection: Connection | null,
    deps: RecipientDeps,
  ) {
    const { key, node } = request;
    this.key = key;
    this.request = request;
    this.location = { node, epoch: registered.epoch };
    this.former = registered.prev;
    this.connection = connection;
    this.deps = deps;
    this.window = new Window(deps.settings.deliveryWindow, deps.settings.deliveryWindowBytes);
    this.waitsForTurn = registered.prev.length > 0;
    this.waitsForEarlier = hasEarlier;
    this.mode = this.waitsForTurn || hasEarlier ? 'joining' : registered.queued > 0 ? 'catching-up' : 'live';
    this.more = registered.queued > 0;
    this.seen = registered.seen;
    this.removals = new Removals(key, deps, () => this.pump());
    this.account = deps.account(realmOf(key), peerOf(key));
    this.account.hold();
    this.writer = new MailboxWriter(
      key,
      () => this.location,
      this.backlog,
      {
        onStored: (waiting, entry) => this.hasStored(waiting, entry),
        onEnded: (handedOver) => this.end(handedOver, false),
        onLost: (owner, unwritten) => this.hasLost(owner, unwritten),
        onIdle: () => this.pump(),
      },
      deps,
    );
  }

  get state(): RecipientMode {
    return this.mode;
  }

  get windowState(): WindowState {
    return { messages: this.window.length, bytes: this.window.bytes };
  }

  /** Begins; separate from construction so that WELCOME precedes the first delivery. */
  start(): void {
    this.pump();
  }

  accept(message: Message): void {
    const refused = this.deps.refusals.check(message);
    if (refused !== 0) return this.deps.receipts.refuse(message, refused, 'sticky');
    if (this.mode !== 'live') return this.enqueue(message);
    if (this.window.fits(deliveryBytes(message.from, message.payload))) return this.deliver(message);
    if (!isStorable(message)) return this.deps.receipts.refuse(message, ReceiptStatus.overloaded, 'queue_full');
    this.spill('window_full');
    this.enqueue(message);
  }

  /** False: the client acknowledged what it was never sent. */
  acknowledge(seq: number): boolean {
    if (seq > this.window.lastSeq) return false;
    for (let delivery = this.window.take(seq); delivery !== undefined; delivery = this.window.take(seq)) {
      delivery.acknowledged = true;
      if (delivery.entry !== '') this.removals.add(delivery.entry);
      this.settle(delivery, ReceiptStatus.delivered);
    }
    if (this.mode !== 'live') this.pump();
    return true;
  }

  /** The client has gone, or a newer registration asks to hand over: what is unacknowledged goes to the mailbox. */
  leave(cause: SpillCause): void {
    if (this.mode === 'leaving' || this.mode === 'ended') return;
    this.connection = null;
    this.spill(cause);
    this.mode = 'leaving';
    this.endDrain(false);
    this.giveUpUnstorable(Number.POSITIVE_INFINITY);
    this.pump();
  }

  /** A newer registration of the peer has taken over. */
  replaced(): void {
    this.connection?.close(CloseCode.replaced, 'replaced by a newer connection of the same peer');
    this.leave('handover');
  }

  /**
   * The store no longer has the registration: until it is made again nothing is delivered or stored. What is
   * unacknowledged goes to the mailbox first then, because others may have written to it meanwhile. False: there is
   * nothing to be made again.
   */
  suspend(): boolean {
    if (this.suspended || this.connection === null || this.mode === 'leaving' || this.mode === 'ended') return false;
    this.spill('lost');
    this.suspended = true;
    this.waitsForTurn = true;
    this.mode = 'joining';
    return true;
  }

  /** The registration was made again. What the mailbox holds now may have been delivered already. */
  resume(registered: Registered): void {
    this.suspended = false;
    this.location = { node: this.location.node, epoch: registered.epoch };
    this.former = registered.prev;
    this.waitsForTurn = registered.prev.length > 0;
    if (this.seen === '' || (this.cursor !== '' && isAtOrBefore(this.seen, this.cursor))) this.seen = this.cursor;
    this.cursor = '';
    this.proceed();
  }

  /** The peer has another owner: its client has to come again, and nobody will say that it is this one's turn. */
  lost(): void {
    this.suspended = false;
    this.sendAway();
    this.leave('disconnect');
    this.turn();
  }

  private sendAway(): void {
    this.connection?.send({ type: 'error', code: 'unavailable', message: 'the registration was lost; connect again' });
    this.connection?.close(CloseCode.unavailable, 'registration lost');
    this.connection = null;
  }

  /** Everyone before this registration has handed over. */
  turn(): void {
    if (this.suspended) return;
    this.waitsForTurn = false;
    this.former = [];
    this.proceed();
  }

  /** One registration before this one has ended; it is this one's turn when none is left. */
  formerEnded(location: Location): void {
    const left = this.former.filter(({ node, epoch }) => node !== location.node || epoch !== location.epoch);
    if (left.length === this.former.length) return;
    this.former = left;
    if (left.length === 0) this.turn();
  }

  /**
   * An earlier registration on this node has ended. What it still had is older than everything that this one was given.
   * `waits`: another earlier one has not.
   */
  earlierEnded(rest: readonly Message[], waits: boolean): void {
    this.backlog.unshift(rest.map((message) => ({ message, delivery: null })));
    this.waitsForEarlier = waits;
    this.proceed();
  }

  private proceed(): void {
    if (this.mode === 'joining' && !this.waitsForTurn && !this.waitsForEarlier) {
      this.mode = 'catching-up';
      this.more = true;
    }
    this.pump();
  }

  /** Stores what was unacknowledged for too long. False: nothing is unacknowledged, no need to come again. */
  sweep(now: number): boolean {
    if (this.window.length === 0 || this.mode === 'ended') {
      this.swept = false;
      return false;
    }
    if (!this.isOverdue(now)) return true;
    if (this.mode === 'live') this.spill('ack_timeout');
    this.giveUpUnstorable(now);
    this.pump();
    return true;
  }

  private isOverdue(now: number): boolean {
    const oldest = this.window.oldest;
    return oldest !== undefined && oldest.at + this.deps.settings.ackTimeoutMs <= now;
  }

  private giveUpUnstorable(now: number): void {
    for (const delivery of this.window) {
      if (delivery.at + this.deps.settings.ackTimeoutMs > now) return;
      if (delivery.entry !== '' || delivery.spilling || delivery.receipted) continue;
      this.deps.counters.drop('unconfirmed');
      this.settle(delivery, ReceiptStatus.unconfirmed);
    }
  }

  private settle(delivery: Delivery, status: number): void {
    if (delivery.receipted || delivery.message === null) return;
    delivery.receipted = true;
    if (delivery.span !== null) endDelivery(delivery, receiptStatusName(status) ?? String(status));
    this.deps.receipts.give(delivery.message, status);
  }

  private deliver(message: Message): void {
    const { id, from, payload } = message;
    const again = isAgain(message);
    const now = this.deps.clock.now();
    const delivery = this.track(message, '', deliveryBytes(from, payload), now);
    if (message.trace !== null) this.traceDelivery(delivery, message.trace);
    if (!again) this.countOut(payload.length);
    this.countDirect(message, now);
    this.connection?.deliver(this.window.lastSeq, id, again ? DeliverFlag.again : 0, from, payload);
  }

  private deliverStored(entry: MailboxEntry): void {
    const again = entry.again || isAtOrBefore(entry.entry, this.seen);
    this.track(null, entry.entry, deliveryBytes(entry.from, entry.payload), this.deps.clock.now());
    this.deps.counters.mailboxDelivered += 1;
    if (this.drain !== null) this.drain.messages += 1;
    if (!again) this.countOut(entry.payload.length);
    const flags = DeliverFlag.stored | (again ? DeliverFlag.again : 0);
    this.connection?.deliver(this.window.lastSeq, entry.id, flags, entry.from, entry.payload);
    this.cursor = entry.entry;
  }

  /** A message that may have been shown before is not counted again. */
  private countOut(bytes: number): void {
    this.account.messagesOut += 1;
    this.account.bytesOut += bytes;
  }

  private countDirect({ entry, pending, payload, trace }: Message, now: number): void {
    const { counters } = this.deps;
    const latency = entry === null ? counters.deliveryLatency.local : counters.deliveryLatency.remote;
    const since = entry?.appendedAt ?? pending?.at;
    if (entry === null) counters.carried('local', payload.length);
    if (since === undefined) return;
    latency.observe(Math.max(0, now - since));
    if (trace !== null) latency.exemplify(Math.max(0, now - since), trace.traceId, now);
  }

  private traceDelivery(delivery: Delivery, trace: TraceContext): void {
    delivery.span = this.deps.tracer === null ? null : this.deps.tracer.child('deliver', trace);
  }

  /** @param complete everything that was stored has been delivered */
  private endDrain(complete: boolean): void {
    if (this.drain === null) return;
    const { span, messages } = this.drain;
    span.end({ 'causeway.messages': messages, 'causeway.outcome': complete ? 'live' : 'left' });
    this.drain = null;
  }

  private track(message: Message | null, entry: MailboxId | '', bytes: number, now: number): Delivery {
    const delivery = this.window.add(message, entry, bytes, now);
    if (!this.swept) {
      this.swept = true;
      this.deps.sweepLater(this);
    }
    return delivery;
  }

  private enqueue(message: Message): void {
    if (!isStorable(message) && this.mode === 'catching-up') {
      return this.deps.receipts.refuse(message, ReceiptStatus.overloaded, 'catching_up');
    }
    if (this.backlog.isFull) return this.deps.receipts.refuse(message, ReceiptStatus.overloaded, 'queue_full');
    this.backlog.push(message);
    this.pump();
  }

  /** Puts the unacknowledged deliveries in front of everything that waits for the mailbox. */
  private spill(cause: SpillCause): void {
    if (this.mode === 'live') this.mode = 'catching-up';
    const spilled: Waiting[] = [];
    for (const delivery of this.window) {
      const { message } = delivery;
      if (message === null || delivery.receipted || delivery.spilling || !isStorable(message)) continue;
      delivery.spilling = true;
      spilled.push({ message, delivery });
    }
    if (spilled.length === 0) return;
    this.backlog.unshift(spilled);
    this.deps.counters.spills[cause] += 1;
    this.deps.counters.spilledMessages += spilled.length;
  }

  /** Does whatever is possible now; called after everything that may have made something possible. */
  private pump(): void {
    if (this.writer.busy) return;
    if (this.mode === 'catching-up') this.catchUp();
    else if (this.mode === 'leaving' && !this.mustWait) this.writer.write(true, this.cursor);
  }

  private get mustWait(): boolean {
    return this.waitsForTurn || this.waitsForEarlier || this.removals.busy;
  }

  private catchUp(): void {
    if (this.reading) return;
    if (this.more && this.window.freeMessages > 0 && this.window.freeBytes > 0) return this.read();
    const { head } = this.backlog;
    const fits = head === undefined || this.window.fits(deliveryBytes(head.from, head.payload));
    const overdue = this.isOverdue(this.deps.clock.now());
    if (!this.more && !overdue && fits && this.backlog.spills === 0) return this.goLive();
    if (this.backlog.length > 0) this.writer.write(false, '');
  }

  /** Everything stored has been delivered on this connection: what waits follows directly. */
  private goLive(): void {
    this.mode = 'live';
    this.endDrain(true);
    // A delivery or a receipt may end the connection at once, and its registration with it.
    for (let head = this.backlog.head; head !== undefined && this.mode === 'live'; head = this.backlog.head) {
      const refused = this.deps.refusals.check(head);
      const fits = this.window.fits(deliveryBytes(head.from, head.payload));
      if (refused === 0 && !fits && isStorable(head)) {
        this.spill('window_full');
        return this.pump();
      }
      this.backlog.shift();
      if (refused !== 0) this.deps.receipts.refuse(head, refused, 'sticky');
      else if (fits) this.deliver(head);
      else this.deps.receipts.refuse(head, ReceiptStatus.overloaded, 'queue_full');
    }
  }

  private read(): void {
    this.reading = true;
    const { freeMessages, freeBytes } = this.window;
    const { mailbox, settings, clock, timers, tracer } = this.deps;
    if (this.trace !== null && tracer !== null) {
      this.drain ??= { span: tracer.child('mailbox_drain', this.trace), messages: 0 };
    }
    mailbox.read(this.key, this.cursor, freeMessages, freeBytes, settings.mailboxTtlMs).then((reply) => {
      if (reply.kind === 'entries') return this.hasRead(reply.entries);
      timers.after(this.retry.failed(clock.now()), () => this.hasRead(null));
    });
  }

  /** Null when the mailbox could not be read. */
  private hasRead(entries: readonly MailboxEntry[] | null): void {
    this.reading = false;
    if (entries !== null && this.mode === 'catching-up') {
      this.retry.succeeded();
      if (entries.length === 0) {
        this.more = false;
        this.ahead.clear();
      }
      for (const entry of entries) {
        if (this.ahead.delete(entry.entry)) this.cursor = entry.entry;
        else this.deliverStored(entry);
      }
    }
    this.pump();
  }

  private hasStored({ message, delivery }: Waiting, entry: MailboxId): void {
    if (delivery === null) {
      this.more = true;
      return this.deps.receipts.give(message, ReceiptStatus.queued);
    }
    this.settle(delivery, ReceiptStatus.queued);
    delivery.spilling = false;
    delivery.entry = entry;
    delivery.message = null;
    // Others may have stored something before it, while the store did not know of this registration.
    if (this.more) this.ahead.add(entry);
    else this.cursor = entry;
    if (delivery.acknowledged) this.removals.add(entry);
  }

  private hasLost(owner: Location | null, unwritten: readonly Waiting[]): void {
    this.backlog.unshift(unwritten);
    const isReplaced = owner !== null && owner.epoch > this.location.epoch;
    if (this.suspended) return;
    if (!isReplaced && this.connection !== null && this.mode !== 'leaving') return this.deps.onLost(this);
    if (this.mode !== 'leaving') {
      this.sendAway();
      this.spill('disconnect');
    }
    this.giveUpUnstorable(Number.POSITIVE_INFINITY);
    this.end({ next: null, owner, watchers: [] }, true);
  }

  private end(handedOver: HandedOver, lost: boolean): void {
    this.mode = 'ended';
    this.account.release();
    this.endDrain(false);
    const rest = this.backlog.takeAll().filter(({ delivery }) => delivery === null || !delivery.receipted);
    for (const { delivery } of rest) if (delivery !== null && delivery.span !== null) endDelivery(delivery, 'returned');
    this.deps.onEnded(
      this,
      handedOver,
      rest.map(({ message, delivery }) => (delivery === null ? message : { ...message, flags: message.flags | AGAIN })),
      lost,
    );
  }
}
