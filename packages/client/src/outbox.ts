import {
  DEFAULT_MAX_PAYLOAD,
  isTemporary,
  type MessageId,
  type PeerId,
  ReceiptStatus,
  SendFlag,
  THROTTLE_INTERVAL_MS,
} from '@causeway/protocol';
import { type BackoffBounds, backoffMs } from './backoff.ts';
import { Deque } from './deque.ts';
import { type Entry, Lane, type Outgoing } from './lane.ts';

/** Wait after a temporary refusal for which no THROTTLE came. */
const REFUSAL_BACKOFF: BackoffBounds = { minMs: 100, maxMs: 5000 };
/** A THROTTLE belongs to the refusals this close to it: the relay sends at most one in each interval. */
const HINT_REACH_MS = 2 * THROTTLE_INTERVAL_MS;
/** Longest that a THROTTLE is believed. */
const MAX_HINT_MS = 60_000;
/** Idle lanes kept only because the relay still refuses their recipient. Forgetting one costs one more refusal. */
const MAX_IDLE_LANES = 1024;

/** One SEND to put on the wire now. */
export interface Sendable {
  readonly entry: Entry;
  /** Bits of SendFlag for this copy. */
  readonly flags: number;
}

/**
 * The sending side's rules (PROTOCOL section 3), without I/O, clocks and timers: which message goes next, what a
 * receipt means, what is sent again.
 *
 * Times are milliseconds of any clock that does not go back; the caller passes them in.
 */
export class Outbox {
  readonly #lanes = new Map<PeerId, Lane>();
  readonly #entries = new Map<MessageId, Entry>();
  readonly #ready = new Deque<Lane>();
  readonly #held = new Set<Lane>();
  readonly #idle = new Set<Lane>();
  readonly #random: () => number;
  #open = false;
  #window = 0;
  #maxPayload = DEFAULT_MAX_PAYLOAD;
  #inFlight = 0;
  #quiet = 0;
  #bytes = 0;
  #wakeAt = Number.POSITIVE_INFINITY;
  #throttle = { at: Number.NEGATIVE_INFINITY, until: 0 };

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Messages without a final receipt. */
  get size(): number {
    return this.#entries.size;
  }

  /** Bytes of their payloads. */
  get bytes(): number {
    return this.#bytes;
  }

  /** When `next` may have a message although nothing else happened; Infinity when it will not. */
  get wakeAt(): number {
    return this.#open ? this.#wakeAt : Number.POSITIVE_INFINITY;
  }

  /** @param id a new one: it is never used for another message */
  add(id: MessageId, message: Outgoing): Entry {
    const entry: Entry = { id, message, state: 'waiting', receiptDue: false, abandoned: false, uncertain: false };
    let lane = this.#lanes.get(message.to);
    if (!lane) {
      lane = new Lane(message.to);
      this.#lanes.set(message.to, lane);
    }
    this.#idle.delete(lane);
    lane.waiting.push(entry);
    this.#entries.set(id, entry);
    this.#bytes += message.payload.length;
    this.#list(lane);
    return entry;
  }

  /** A connection is up. */
  opened(sendWindow: number, maxPayload: number): void {
    this.#open = true;
    this.#window = sendWindow;
    this.#maxPayload = maxPayload;
    for (const lane of this.#lanes.values()) this.#list(lane);
  }

  /** The connection ended: what has no receipt goes again on the next one, in its old order. */
  closed(): void {
    this.#open = false;
    this.#inFlight = 0;
    this.#quiet = 0;
    this.#ready.clear();
    for (const lane of this.#lanes.values()) {
      lane.listed = false;
      lane.sticky = false;
      for (const entry of lane.rewind()) this.#forget(entry);
      this.#update(lane);
    }
  }

  /** The next SEND, or null while there is none or the window is full. It counts as sent from here on. */
  next(now: number): Sendable | null {
    if (!this.#open) return null;
    if (now >= this.#wakeAt) this.#release(now);
    while (this.#inFlight < this.#window) {
      const lane = this.#ready.shift();
      if (!lane) return null;
      lane.listed = false;
      const entry = lane.peek();
      if (!entry) continue;
      if (entry.message.payload.length > this.#maxPayload) {
        lane.removeWaiting(entry);
        this.#settle(entry, lane, ReceiptStatus.too_large);
      } else {
        return this.#send(entry, lane);
      }
    }
    return null;
  }

  /** The relay answered. An id that is not known here (its connection is long gone) means nothing. */
  receipt(id: MessageId, status: number, now: number): void {
    const entry = this.#entries.get(id);
    const lane = entry && this.#lanes.get(entry.message.to);
    if (!entry || !lane || entry.state !== 'in_flight') return;
    this.#inFlight -= 1;
    if (!entry.receiptDue) this.#quiet -= 1;
    if (isTemporary(status)) {
      this.#refuse(entry, lane, status, now);
      return;
    }
    if (status === ReceiptStatus.delivered || status === ReceiptStatus.queued) {
      lane.refusals = 0;
      for (const earlier of lane.quietInFlight(entry)) this.#settleQuietly(earlier, lane);
    }
    lane.remove(entry);
    this.#settle(entry, lane, status);
  }

  /** THROTTLE: how long those refused around now wait. */
  throttled(retryAfterMs: number, now: number): void {
    this.#throttle = { at: now, until: now + Math.min(retryAfterMs, MAX_HINT_MS) };
    for (const lane of this.#held) {
      if (now - lane.refusedAt <= HINT_REACH_MS) lane.holdUntil = this.#throttle.until;
    }
    this.#reschedule();
  }

  /**
   * The application gives a message up.
   * @returns whether it may arrive all the same
   */
  abandon(entry: Entry): boolean {
    const lane = this.#lanes.get(entry.message.to);
    if (!lane || entry.state === 'settled') return entry.uncertain;
    if (entry.state === 'in_flight') {
      entry.abandoned = true;
      return true;
    }
    if (entry.state === 'waiting') lane.removeWaiting(entry);
    else lane.remove(entry);
    this.#forget(entry);
    this.#update(lane);
    return entry.uncertain;
  }

  /** Gives everything up, for the end of the client, and returns it. */
  clear(): Entry[] {
    const all = [...this.#entries.values()].filter((entry) => !entry.abandoned);
    for (const entry of all) {
      if (entry.state === 'in_flight') entry.uncertain = true;
      entry.state = 'settled';
    }
    for (const collection of [this.#entries, this.#lanes, this.#ready, this.#held, this.#idle]) collection.clear();
    this.#bytes = 0;
    this.#inFlight = 0;
    this.#quiet = 0;
    this.#wakeAt = Number.POSITIVE_INFINITY;
    return all;
  }

  #send(entry: Entry, lane: Lane): Sendable {
    // What nobody confirms must not fill the window: there would be nothing left to confirm it by.
    lane.takeOff(entry, (this.#quiet + 1) * 2 <= this.#window);
    this.#inFlight += 1;
    let flags = entry.message.flags;
    if (!entry.receiptDue) {
      flags |= SendFlag.noReceipt;
      this.#quiet += 1;
    }
    if (lane.sticky) {
      flags |= SendFlag.afterRefusal;
      lane.sticky = false;
    }
    this.#list(lane);
    return { entry, flags };
  }

  #refuse(entry: Entry, lane: Lane, status: number, now: number): void {
    if (status === ReceiptStatus.unavailable) entry.uncertain = true;
    if (!lane.held) {
      lane.holdUntil = now + backoffMs(REFUSAL_BACKOFF, lane.refusals, this.#random);
      lane.refusals += 1;
    }
    lane.refuse(entry);
    lane.refusedAt = now;
    if (now - this.#throttle.at <= HINT_REACH_MS) lane.holdUntil = this.#throttle.until;
    this.#held.add(lane);
    if (entry.abandoned) {
      lane.remove(entry);
      this.#forget(entry);
    }
    this.#update(lane);
  }

  #settle(entry: Entry, lane: Lane, status: number): void {
    this.#forget(entry);
    this.#update(lane);
    if (!entry.abandoned) entry.message.onSettled(status);
  }

  /** Nothing tells of a message without a receipt; what came after it does. */
  #settleQuietly(entry: Entry, lane: Lane): void {
    lane.remove(entry);
    this.#forget(entry);
    this.#inFlight -= 1;
    this.#quiet -= 1;
  }

  #forget(entry: Entry): void {
    if (this.#entries.delete(entry.id)) this.#bytes -= entry.message.payload.length;
  }

  /** Lets those held lanes go whose wait is over. */
  #release(now: number): void {
    for (const lane of this.#held) {
      if (lane.awaitsReceipts || lane.holdUntil > now) continue;
      // What is in flight without a receipt came before the first refusal, and so it was not refused.
      for (const entry of lane.quietInFlight()) this.#settleQuietly(entry, lane);
      lane.rewind();
      lane.held = false;
      this.#held.delete(lane);
      this.#update(lane);
    }
    this.#reschedule();
  }

  #reschedule(): void {
    this.#wakeAt = Number.POSITIVE_INFINITY;
    for (const lane of this.#held) this.#wakeFor(lane);
  }

  #wakeFor(lane: Lane): void {
    if (lane.held && !lane.awaitsReceipts) this.#wakeAt = Math.min(this.#wakeAt, lane.holdUntil);
  }

  /** Something about the lane changed: it may send, must be waited for, or is no longer needed. */
  #update(lane: Lane): void {
    this.#wakeFor(lane);
    this.#list(lane);
    if (!lane.empty) return;
    if (!lane.held && !lane.sticky) {
      this.#drop(lane);
      return;
    }
    this.#idle.add(lane);
    if (this.#idle.size <= MAX_IDLE_LANES) return;
    for (const oldest of this.#idle) {
      this.#drop(oldest);
      break;
    }
  }

  #drop(lane: Lane): void {
    this.#lanes.delete(lane.to);
    this.#held.delete(lane);
    this.#idle.delete(lane);
  }

  #list(lane: Lane): void {
    if (!this.#open || lane.listed || !lane.peek()) return;
    lane.listed = true;
    this.#ready.push(lane);
  }
}
