import {
  ACK_EVERY_MS,
  ACK_FRAME_BYTES,
  DeliverFlag,
  type DeliverFrame,
  type MessageId,
  writeAckFrame,
} from '@causeway/protocol';
import { Inbox } from './inbox.ts';
import { Signal } from './signal.ts';

export interface MessagesOptions {
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
  /**
   * `auto` (the default): a message is acknowledged when the iteration hands it out. `manual`: when its `ack()` is
   * called; until then the relay keeps it, and after 256 such messages it sends no more.
   */
  readonly ack?: 'auto' | 'manual';
}

/** A message from another peer. */
export interface IncomingMessage {
  /** The sender, as the relay attests it. */
  readonly from: string;
  /** Names this message among those of its sender. */
  readonly id: MessageId;
  /** A view into a larger buffer: copy it before keeping it for long. */
  readonly payload: Uint8Array;
  /** It waited in the mailbox. */
  readonly stored: boolean;
  /** The payload read as UTF-8, with replacement characters for what is none. */
  text(): string;
  /** Acknowledges it. Needed with `ack: 'manual'` only; again: nothing. */
  ack(): void;
}

export interface ReceiverHandlers {
  write(packet: Uint8Array): void;
  onGap(reason: string): void;
}

// A byte order mark is part of the text.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Takes messages from the wire to the application, and acknowledgments back. */
export class Receiver {
  readonly #inbox = new Inbox();
  readonly #handlers: ReceiverHandlers;
  readonly #changed = new Signal();
  #open = false;
  #finished: { readonly error: Error | null } | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #received = 0;
  #duplicates = 0;

  constructor(handlers: ReceiverHandlers) {
    this.#handlers = handlers;
  }

  /** DELIVERs that were new, and that repeated what came before. */
  get counts(): { readonly received: number; readonly duplicates: number } {
    return { received: this.#received, duplicates: this.#duplicates };
  }

  started(): void {
    this.#finished = null;
  }

  opened(): void {
    this.#open = true;
    this.#inbox.opened();
  }

  closed(): void {
    this.#open = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The client ended: iterations end too, with its error if there is one. */
  finished(error: Error | null): void {
    this.#finished = { error };
    this.#inbox.discard();
    this.#changed.notify();
  }

  onDeliver(frame: DeliverFrame): void {
    switch (this.#inbox.deliver(frame)) {
      case 'new':
        this.#received += 1;
        this.#changed.notify();
        break;
      case 'duplicate':
        this.#duplicates += 1;
        this.#acknowledge();
        break;
      case 'gap':
        this.#handlers.onGap(`DELIVER ${frame.seq} does not follow the one before it`);
        break;
    }
  }

  async *messages(options: MessagesOptions): AsyncGenerator<IncomingMessage, void, undefined> {
    const { signal, ack = 'auto' } = options;
    const wake = (): void => this.#changed.notify();
    signal?.addEventListener('abort', wake, { once: true });
    try {
      while (!signal?.aborted) {
        if (this.#finished?.error) throw this.#finished.error;
        if (this.#finished) return;
        const arrival = this.#inbox.take();
        if (!arrival) {
          // The application has caught up: what it took may as well be acknowledged now.
          this.flush();
          await this.#changed.next();
          continue;
        }
        const settle = (): void => {
          this.#inbox.settle(arrival, performance.now());
          this.#acknowledge();
        };
        if (ack === 'auto') settle();
        yield incoming(arrival.frame, settle);
      }
    } finally {
      signal?.removeEventListener('abort', wake);
    }
  }

  /** Acknowledges now what the application has taken. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const seq = this.#open ? this.#inbox.takeAck() : null;
    if (seq === null) return;
    const packet = new Uint8Array(ACK_FRAME_BYTES);
    writeAckFrame(packet, 0, seq);
    this.#handlers.write(packet);
  }

  #acknowledge(): void {
    if (this.#inbox.ackDue) this.flush();
    else if (this.#inbox.unacknowledged > 0) this.#timer ??= setTimeout(() => this.flush(), ACK_EVERY_MS);
  }
}

function incoming(frame: DeliverFrame, ack: () => void): IncomingMessage {
  return {
    from: frame.from,
    id: frame.id,
    payload: frame.payload,
    stored: (frame.flags & DeliverFlag.stored) !== 0,
    text: () => decoder.decode(frame.payload),
    ack,
  };
}
