import { ReceiptStatus } from '@causeway/protocol';
import { type PeerKey, realmOf } from './address.ts';
import type { Backlog, Waiting } from './backlog.ts';
import type { Clock, Timers } from './clock.ts';
import type { Counters } from './counters.ts';
import type { DropReason } from './drops.ts';
import { isAgain, isStorable, type Message, storedBytes } from './message.ts';
import type { Final, HandedOver, Location, Mailbox, MailboxId, OwnerAppendReply, Stored, Writer } from './ports.ts';
import type { RealmAccounts } from './realm-accounts.ts';
import type { Receipts } from './receipts.ts';
import type { Refusals } from './refusals.ts';
import { Retry } from './retry.ts';
import type { Settings } from './settings.ts';
import { endEach, type Span, startEach, type Tracer } from './tracer.ts';
import { endDelivery } from './window.ts';

const MAX_APPEND_MESSAGES = 128;
const MAX_APPEND_BYTES = 256 * 1024;
/** If the mailbox cannot be written for this long, messages are refused as unavailable. */
const WRITE_FOR_MS = 2000;

export interface MailboxWriterDeps {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly counters: Counters;
  readonly receipts: Receipts;
  readonly refusals: Refusals;
  readonly mailbox: Mailbox;
  readonly accounts: RealmAccounts;
  /** Sequence for a mailbox write of this node. */
  readonly nextWrite: () => number;
  /** Null: nothing is traced. */
  readonly tracer: Tracer | null;
}

interface Write {
  readonly batch: readonly Waiting[];
  readonly writer: Writer;
  /** The registration ends with it. */
  readonly final: Final | null;
  /** It had no answer for too long, and the messages were refused. */
  refused: boolean;
  /** Of the messages that are traced, until the outcome. */
  spans: readonly Span[] | null;
}

/** What comes of a write. */
export interface MailboxWriterEvents {
  onStored(waiting: Waiting, entry: MailboxId): void;
  /** The registration ended with this write. */
  onEnded(handedOver: HandedOver): void;
  /** The store does not have the registration; `unwritten` is in nobody's hands. */
  onLost(owner: Location | null, unwritten: readonly Waiting[]): void;
  /** Nothing is being written any more. */
  onIdle(): void;
}

/**
 * Writes one registration's backlog to its peer's mailbox: one write at a time, repeated under the same sequence until
 * its outcome is known, so that a write whose answer was lost is not made twice.
 */
export class MailboxWriter {
  busy = false;
  private readonly key: PeerKey;
  private readonly location: () => Location;
  private readonly backlog: Backlog;
  private readonly events: MailboxWriterEvents;
  private readonly deps: MailboxWriterDeps;
  private readonly retry = new Retry();

  constructor(
    key: PeerKey,
    location: () => Location,
    backlog: Backlog,
    events: MailboxWriterEvents,
    deps: MailboxWriterDeps,
  ) {
    this.key = key;
    this.location = location;
    this.backlog = backlog;
    this.events = events;
    this.deps = deps;
  }

  /**
   * Writes the head of the backlog. A registration that is `leaving` (and was shown its mailbox up to `seen`) ends with
   * the write that empties the backlog.
   */
  write(leaving: boolean, seen: MailboxId | ''): void {
    // Busy from here: the receipt of a message that is refused may bring the next one.
    this.busy = true;
    const batch = this.takeBatch(leaving);
    const final = leaving && this.backlog.length === 0;
    if (batch.length === 0 && !final) return this.idle();
    const { tracer } = this.deps;
    const spans = tracer === null ? null : startEach(tracer, 'mailbox_store', batch.map(toMessage));
    const writer = { node: this.deps.settings.node, sequence: this.deps.nextWrite() };
    this.append({ batch, writer, final: final ? { seen } : null, refused: false, spans });
  }

  private takeBatch(leaving: boolean): Waiting[] {
    const batch: Waiting[] = [];
    let bytes = 0;
    while (this.backlog.length > 0 && batch.length < MAX_APPEND_MESSAGES && bytes < MAX_APPEND_BYTES) {
      const waiting = this.backlog.shift() as Waiting;
      if (this.refuseUnfit(waiting, leaving)) continue;
      batch.push(waiting);
      bytes += waiting.message.payload.length;
    }
    return batch;
  }

  private refuseUnfit(waiting: Waiting, leaving: boolean): boolean {
    const { message, delivery } = waiting;
    const refused = this.deps.refusals.check(message);
    if (refused !== 0) return this.refuse(waiting, refused, 'sticky');
    if (delivery === null && !isStorable(message)) {
      if (leaving) return this.refuse(waiting, ReceiptStatus.offline, 'offline');
      return this.refuse(waiting, ReceiptStatus.overloaded, 'catching_up');
    }
    if (this.deps.accounts.hasRoom(realmOf(this.key), storedBytes(message))) return false;
    return this.refuse(waiting, ReceiptStatus.overloaded, 'realm_full');
  }

  private refuse({ message, delivery }: Waiting, status: number, reason: DropReason): true {
    if (delivery !== null) {
      delivery.spilling = false;
      if (delivery.receipted) return true;
      delivery.receipted = true;
      if (delivery.span !== null) endDelivery(delivery, 'refused');
    }
    this.deps.receipts.refuse(message, status, reason);
    return true;
  }

  private append(write: Write): void {
    const { settings, mailbox } = this.deps;
    const limits = { messages: settings.mailboxMessages, bytes: settings.mailboxBytes, ttlMs: settings.mailboxTtlMs };
    const messages = write.batch.map(({ message, delivery }) => ({
      id: message.id,
      from: message.from,
      payload: message.payload,
      again: delivery !== null || isAgain(message),
    }));
    mailbox
      .append(this.key, this.location(), write.writer, messages, limits, write.final)
      .then((reply) => this.appended(write, reply));
  }

  private appended(write: Write, reply: OwnerAppendReply): void {
    if (reply.kind === 'unavailable') return this.failed(write);
    this.retry.succeeded();
    endSpans(write, reply.kind);
    const unwritten = write.refused ? [] : write.batch;
    switch (reply.kind) {
      case 'lost':
        this.busy = false;
        return this.events.onLost(reply.owner, unwritten);
      case 'wait':
        // Not yet the head of those who hand over, although it was told so: the news is on its way to the store's replica.
        this.backlog.unshift(unwritten);
        return this.idleAfter(this.retry.failed(this.deps.clock.now()));
      case 'stored':
        // Busy until then: a receipt may bring the next message before this is through.
        this.stored(write, reply);
        if (reply.handedOver === null) return this.idle();
        this.busy = false;
        return this.events.onEnded(reply.handedOver);
    }
  }

  private stored({ batch, refused }: Write, reply: Stored): void {
    const { accounts, counters } = this.deps;
    const realm = realmOf(this.key);
    accounts.evicted(realm, reply.evicted);
    for (const [index, waiting] of batch.entries()) {
      const entry = reply.entries[index];
      if (entry !== undefined) {
        accounts.stored(realm, entry, storedBytes(waiting.message));
        counters.carried('mailbox', waiting.message.payload.length);
      }
      if (refused) continue;
      if (entry === undefined) this.refuse(waiting, ReceiptStatus.overloaded, 'mailbox_full');
      else this.events.onStored(waiting, entry);
    }
  }

  private failed(write: Write): void {
    const now = this.deps.clock.now();
    const wait = this.retry.failed(now);
    if (this.retry.failedFor(now) >= WRITE_FOR_MS) {
      this.refuseWrite(write);
      if (write.final === null) return this.idleAfter(wait);
    }
    this.deps.timers.after(wait, () => this.append(write));
  }

  /**
   * The end of a registration is asked for until it is answered, though its messages are refused: it may have ended by a
   * try without an answer, and only the repetition of that very write tells who is to act next.
   */
  private refuseWrite(write: Write): void {
    if (!write.refused) {
      write.refused = true;
      endSpans(write, 'unavailable');
      for (const waiting of write.batch) this.refuse(waiting, ReceiptStatus.unavailable, 'store_unavailable');
    }
    if (write.final === null) return;
    for (let waiting = this.backlog.shift(); waiting !== undefined; waiting = this.backlog.shift()) {
      this.refuse(waiting, ReceiptStatus.unavailable, 'store_unavailable');
    }
  }

  private idle(): void {
    this.busy = false;
    this.events.onIdle();
  }

  private idleAfter(ms: number): void {
    this.deps.timers.after(ms, () => this.idle());
  }
}

function toMessage({ message }: Waiting): Message {
  return message;
}

function endSpans(write: Write, outcome: OwnerAppendReply['kind']): void {
  endEach(write.spans, { 'causeway.outcome': outcome }, outcome !== 'stored');
  write.spans = null;
}
