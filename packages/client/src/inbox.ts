import { ACK_EVERY_MESSAGES, type DeliverFrame, type MessageId, type PeerId } from '@causeway/protocol';
import { Deque } from './deque.ts';
import { Shown, type ShownLimits } from './shown.ts';

/** A message that arrived and is not acknowledged yet. */
export interface Arrival {
  readonly frame: DeliverFrame;
  /** The application has it, or had it: its DELIVER may be acknowledged. */
  settled: boolean;
}

/** What became of a DELIVER. `gap`: one before it is missing, so this connection can no longer be trusted. */
export type Delivery = 'new' | 'duplicate' | 'gap';

/** The slot of a DELIVER that repeats what the application had before. */
const HAD_BEFORE = { settled: true };

/**
 * The receiving side's rules (PROTOCOL section 3), without I/O, clocks and timers: shows each message once, in the
 * order of arrival, and says what may be acknowledged.
 *
 * A message that the application had not taken when its connection ended comes again on the next one. It keeps its
 * place here, and its settling acknowledges whichever DELIVER brought it last.
 */
export class Inbox {
  readonly #shown: Shown;
  readonly #queue = new Deque<Arrival>();
  /** Not settled, by sender and id: in the queue, or with an application that acknowledges by hand. */
  readonly #open = new Map<PeerId, Map<MessageId, Arrival>>();
  /** One for each DELIVER of this connection beyond the last acknowledgeable one. */
  readonly #slots = new Deque<{ readonly settled: boolean }>();
  /** Of the last DELIVER; up to which all are settled; up to which ACKs were sent. */
  #seq = 0;
  #settledSeq = 0;
  #ackedSeq = 0;

  constructor(limits?: ShownLimits) {
    this.#shown = new Shown(limits);
  }

  /** Messages that wait for the application. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** Messages that are settled and not yet acknowledged. */
  get unacknowledged(): number {
    return this.#settledSeq - this.#ackedSeq;
  }

  /** Whether an ACK should go now rather than with the next timer. */
  get ackDue(): boolean {
    return this.unacknowledged >= ACK_EVERY_MESSAGES;
  }

  /** A new connection: its DELIVERs count from 1. */
  opened(): void {
    this.#slots.clear();
    this.#seq = 0;
    this.#settledSeq = 0;
    this.#ackedSeq = 0;
  }

  /** @param frame kept until the application takes it */
  deliver(frame: DeliverFrame): Delivery {
    if (frame.seq !== this.#seq + 1) return 'gap';
    this.#seq = frame.seq;
    const { from, id } = frame;
    const known = this.#open.get(from)?.get(id);
    if (known || this.#shown.has(from, id)) {
      this.#slots.push(known ?? HAD_BEFORE);
      this.#advance();
      return 'duplicate';
    }
    const arrival: Arrival = { frame, settled: false };
    this.#slots.push(arrival);
    this.#queue.push(arrival);
    const ofSender = this.#open.get(from);
    if (ofSender) ofSender.set(id, arrival);
    else this.#open.set(from, new Map([[id, arrival]]));
    return 'new';
  }

  /** The next message for the application, which settles it sooner or later. */
  take(): Arrival | undefined {
    return this.#queue.shift();
  }

  /** The application has it. Again: nothing. */
  settle(arrival: Arrival, now: number): void {
    if (arrival.settled) return;
    arrival.settled = true;
    const { from, id } = arrival.frame;
    const ofSender = this.#open.get(from);
    ofSender?.delete(id);
    if (ofSender?.size === 0) this.#open.delete(from);
    this.#shown.add(from, id, now);
    this.#advance();
  }

  /** The `seq` of an ACK to send now, or null when there is nothing new to acknowledge. */
  takeAck(): number | null {
    if (this.unacknowledged === 0) return null;
    this.#ackedSeq = this.#settledSeq;
    return this.#ackedSeq;
  }

  /** The client stops: what the application has not taken stays with the relay. */
  discard(): void {
    for (const { frame } of this.#queue) this.#open.get(frame.from)?.delete(frame.id);
    this.#queue.clear();
    this.opened();
  }

  #advance(): void {
    while (this.#slots.peek()?.settled) {
      this.#slots.shift();
      this.#settledSeq += 1;
    }
  }
}
