import type { PeerId } from '@causeway/protocol';
import { Deque } from './deque.ts';
import type { Message } from './message.ts';
import type { MailboxId } from './ports.ts';
import type { Span } from './tracer.ts';

/** A delivery that its client has not acknowledged. */
export interface Delivery {
  readonly seq: number;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Null once it is in the mailbox: its payload need not be kept then. */
  message: Message | null;
  /** The sender has its outcome. */
  receipted: boolean;
  /** Where it is in the mailbox; empty while it is not. */
  entry: MailboxId | '';
  /** On its way into the mailbox. */
  spilling: boolean;
  acknowledged: boolean;
  /** Until the outcome; null where the message is not traced. */
  span: Span | null;
}

/** What counts against the window's bytes: the payload, and a name and header that are never free. */
export function deliveryBytes(from: PeerId, payload: Uint8Array): number {
  return payload.length + from.length + 32;
}

/** For one that is traced: what became of it. */
export function endDelivery(delivery: Delivery, outcome: string): void {
  delivery.span?.end({ 'causeway.outcome': outcome });
  delivery.span = null;
}

/** The unacknowledged deliveries of one connection, bounded in number and bytes. `seq` counts from 1. */
export class Window {
  private readonly deliveries = new Deque<Delivery>();
  private readonly maxMessages: number;
  private readonly maxBytes: number;
  private held = 0;
  lastSeq = 0;

  constructor(maxMessages: number, maxBytes: number) {
    this.maxMessages = maxMessages;
    this.maxBytes = maxBytes;
  }

  get length(): number {
    return this.deliveries.length;
  }

  /** Bytes of the deliveries. */
  get bytes(): number {
    return this.held;
  }

  get freeMessages(): number {
    return this.maxMessages - this.deliveries.length;
  }

  get freeBytes(): number {
    return this.maxBytes - this.held;
  }

  get oldest(): Delivery | undefined {
    return this.deliveries.peek();
  }

  /** One message always fits an empty window, however large it is. */
  fits(bytes: number): boolean {
    const count = this.deliveries.length;
    return count === 0 || (count < this.maxMessages && this.held + bytes <= this.maxBytes);
  }

  add(message: Message | null, entry: MailboxId | '', bytes: number, at: number): Delivery {
    this.lastSeq += 1;
    const delivery = {
      seq: this.lastSeq,
      bytes,
      at,
      message,
      receipted: message === null,
      entry,
      spilling: false,
      acknowledged: false,
      span: null,
    };
    this.deliveries.push(delivery);
    this.held += bytes;
    return delivery;
  }

  /** The oldest delivery, if `seq` acknowledges it. */
  take(seq: number): Delivery | undefined {
    const oldest = this.deliveries.peek();
    if (oldest === undefined || oldest.seq > seq) return undefined;
    this.deliveries.shift();
    this.held -= oldest.bytes;
    return oldest;
  }

  [Symbol.iterator](): Iterator<Delivery> {
    return this.deliveries[Symbol.iterator]();
  }
}
