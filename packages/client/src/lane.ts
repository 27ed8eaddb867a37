import type { MessageId, PeerId } from '@causeway/protocol';
import { Deque } from './deque.ts';

/** What an application wants sent. */
export interface Outgoing {
  readonly to: PeerId;
  /** `to` in UTF-8. */
  readonly toBytes: Uint8Array;
  /** Must not change until the message is settled. */
  readonly payload: Uint8Array;
  /** Bits of SendFlag that the application chose: `noStore`, or nothing. */
  readonly flags: number;
  /** No receipt is wanted unless it is a refusal. */
  readonly quiet: boolean;
  /** The message is handed to a connection, maybe not for the first time. */
  onSent(): void;
  /** The receipt came that ends the message's way. */
  onSettled(status: number): void;
  /** The client ended first. `uncertain`: the message may arrive all the same. */
  onFinished(uncertain: boolean, cause: unknown): void;
}

export interface Entry {
  readonly id: MessageId;
  readonly message: Outgoing;
  state: 'waiting' | 'in_flight' | 'refused' | 'settled';
  /** In flight: the relay owes a receipt also for success. */
  receiptDue: boolean;
  /** The application gave it up while it was in flight: its receipt frees its place, and it is not sent again. */
  abandoned: boolean;
  /** A copy went out whose fate is unknown: its connection ended, or `unavailable` leaves it open. */
  uncertain: boolean;
}

/** Consecutive messages of a lane that may go without asking for a receipt: how far the count of what is in flight lags. */
const QUIET_RUN = 16;

/**
 * Everything on its way to one recipient, in the order in which the application sent it: `unsettled` (in flight or
 * refused on this connection), then `waiting`.
 *
 * After a temporary refusal the lane is *held*: nothing more goes out until each message in flight has its receipt and
 * the hint has passed; then what was refused goes again, in its order, before the rest (PROTOCOL section 3).
 */
export class Lane {
  readonly to: PeerId;
  readonly waiting = new Deque<Entry>();
  /** In the order of sending. */
  readonly unsettled = new Map<MessageId, Entry>();
  held = false;
  /** Refusals in a row, for the backoff. */
  refusals = 0;
  refusedAt = 0;
  /** When a held lane may send again; in the clock of the caller, milliseconds. */
  holdUntil = 0;
  /** The relay refuses everything for this recipient until it sees `after-refusal`. */
  sticky = false;
  /** In the list of lanes that may send. */
  listed = false;
  /** In flight with a receipt due, and without. */
  due = 0;
  quiet = 0;
  #gone = 0;

  constructor(to: PeerId) {
    this.to = to;
  }

  get empty(): boolean {
    return this.unsettled.size === 0 && this.#firstWaiting() === undefined;
  }

  /** The next message to send, if the lane may send. */
  peek(): Entry | undefined {
    return this.held ? undefined : this.#firstWaiting();
  }

  /** `entry` is the one that `peek` returned. */
  takeOff(entry: Entry, quietAllowed: boolean): void {
    this.waiting.shift();
    entry.state = 'in_flight';
    entry.receiptDue = !(entry.message.quiet && quietAllowed && this.quiet < QUIET_RUN);
    if (entry.receiptDue) this.due += 1;
    else this.quiet += 1;
    this.unsettled.set(entry.id, entry);
  }

  /** Takes an in-flight or refused message out. */
  remove(entry: Entry): void {
    this.unsettled.delete(entry.id);
    if (entry.state === 'in_flight') this.#landed(entry);
    entry.state = 'settled';
  }

  /** Takes a waiting message out; its place in the queue is skipped later, or closed when many are gone. */
  removeWaiting(entry: Entry): void {
    entry.state = 'settled';
    this.#gone += 1;
    if (this.#gone * 2 < this.waiting.size) return;
    this.waiting.filter((other) => other.state === 'waiting');
    this.#gone = 0;
  }

  refuse(entry: Entry): void {
    if (entry.state === 'in_flight') this.#landed(entry);
    entry.state = 'refused';
    this.held = true;
    this.sticky = true;
  }

  /**
   * Those in flight before `end` (or all) that asked for no receipt. Once `end` is delivered or queued they are
   * settled: had one been refused, `end` would have been refused after it.
   */
  quietInFlight(end?: Entry): Entry[] {
    const found: Entry[] = [];
    if (this.quiet === 0) return found;
    for (const entry of this.unsettled.values()) {
      if (entry === end) break;
      if (entry.state === 'in_flight' && !entry.receiptDue) found.push(entry);
    }
    return found;
  }

  /** Whether a held lane still has answers to come: each receipt due, and a refusal for each message behind a refused one. */
  get awaitsReceipts(): boolean {
    if (this.due > 0) return true;
    if (this.quiet === 0) return false;
    let behindRefused = false;
    for (const entry of this.unsettled.values()) {
      if (entry.state === 'refused') behindRefused = true;
      else if (behindRefused) return true;
    }
    return false;
  }

  /** Puts what is unsettled before what waits, in its old order; what is not to be sent again is returned instead. */
  rewind(): Entry[] {
    const again: Entry[] = [];
    const dropped: Entry[] = [];
    for (const entry of this.unsettled.values()) {
      const quietInFlight = entry.state === 'in_flight' && !entry.receiptDue;
      if (entry.abandoned || quietInFlight) {
        entry.state = 'settled';
        dropped.push(entry);
      } else {
        if (entry.state === 'in_flight') entry.uncertain = true;
        entry.state = 'waiting';
        again.push(entry);
      }
    }
    this.unsettled.clear();
    this.due = 0;
    this.quiet = 0;
    this.waiting.prepend(again);
    return dropped;
  }

  #landed(entry: Entry): void {
    if (entry.receiptDue) this.due -= 1;
    else this.quiet -= 1;
  }

  #firstWaiting(): Entry | undefined {
    for (let entry = this.waiting.peek(); entry; entry = this.waiting.peek()) {
      if (entry.state === 'waiting') return entry;
      this.waiting.shift();
      this.#gone -= 1;
    }
    return undefined;
  }
}
