import {
  encodeUtf8,
  type ReceiptFrame,
  sendFrameBytes,
  type ThrottleFrame,
  type WelcomeFrame,
  writeSendFrame,
} from '@causeway/protocol';
import { SendError, UsageError } from './errors.ts';
import { IdClock } from './ids.ts';
import { readPeer } from './options.ts';
import { Outbox, type Sendable } from './outbox.ts';
import { PendingSend, type Receipt, type Refusal, type SendOptions } from './pending-send.ts';

/** SENDs are packed together up to this many bytes: few packets, and none that holds up what comes behind it. */
const PACKET_BYTES = 64 * 1024;

/** A copy: the application may reuse its buffer at once, and a resend must send the same bytes. */
function payloadOf(data: Uint8Array | string): Uint8Array {
  if (typeof data === 'string') return encodeUtf8(data);
  // Not instanceof: bytes may come from another window or context.
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  throw new UsageError('bad_option', 'a message is text or a Uint8Array');
}

export interface SenderHandlers {
  write(packet: Uint8Array): void;
  onRefused(refusal: Refusal): void;
}

/** Takes messages from the application to the wire, and receipts back. */
export class Sender {
  readonly #outbox = new Outbox(Math.random);
  readonly #ids = new IdClock(Date.now);
  readonly #handlers: SenderHandlers;
  readonly #maxQueuedBytes: number;
  #sent = 0;
  #pumpIsDue = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(maxQueuedBytes: number, handlers: SenderHandlers) {
    this.#maxQueuedBytes = maxQueuedBytes;
    this.#handlers = handlers;
  }

  /** Messages without their final receipt. */
  get pending(): number {
    return this.#outbox.size;
  }

  /** SENDs written, repetitions included. */
  get sent(): number {
    return this.#sent;
  }

  /** @throws what `Client.send` documents */
  send(to: string, data: Uint8Array | string, options: SendOptions): Promise<Receipt> {
    const recipient = readPeer(to);
    const { signal, timeout } = options;
    if (signal?.aborted) throw new SendError('aborted', 'the send was aborted before it began', null, signal.reason);
    const payload = payloadOf(data);
    const { size, bytes } = this.#outbox;
    if (bytes + payload.length > this.#maxQueuedBytes) {
      throw new SendError('queue_full', `${size} messages of ${bytes} bytes wait for their receipts already`, null);
    }
    const id = this.#ids.next();
    const pending = new PendingSend(id, recipient, payload, options, this.#handlers.onRefused);
    const entry = this.#outbox.add(id, pending);
    pending.arm(timeout, () => {
      const uncertain = this.#outbox.abandon(entry);
      this.#pumpSoon();
      return uncertain;
    });
    this.#pumpSoon();
    return pending.promise;
  }

  opened(welcome: WelcomeFrame): void {
    this.#ids.atLeast(welcome.serverTime);
    this.#outbox.opened(welcome.sendWindow, welcome.maxPayload);
    this.#pumpSoon();
  }

  closed(): void {
    clearTimeout(this.#timer);
    this.#outbox.closed();
  }

  onReceipt(frame: ReceiptFrame): void {
    const now = performance.now();
    for (const { id, status } of frame.receipts) this.#outbox.receipt(id, status, now);
    this.#pumpSoon();
  }

  onThrottle(frame: ThrottleFrame): void {
    this.#outbox.throttled(frame.retryAfterMs, performance.now());
    this.#pumpSoon();
  }

  /** The client ended: no send will get its receipt. */
  finished(cause: unknown): void {
    clearTimeout(this.#timer);
    for (const { message, uncertain } of this.#outbox.clear()) message.onFinished(uncertain, cause);
  }

  /** At the end of this turn, so that what is sent in one turn goes in one packet. */
  #pumpSoon(): void {
    if (this.#pumpIsDue) return;
    this.#pumpIsDue = true;
    queueMicrotask(() => {
      this.#pumpIsDue = false;
      this.#pump();
    });
  }

  #pump(): void {
    const now = performance.now();
    let batch: Sendable[] = [];
    let bytes = 0;
    for (let next = this.#outbox.next(now); next; next = this.#outbox.next(now)) {
      const size = sendFrameBytes(next.entry.message.toBytes.length, next.entry.message.payload.length);
      if (bytes > 0 && bytes + size > PACKET_BYTES) {
        this.#write(batch, bytes);
        batch = [];
        bytes = 0;
      }
      batch.push(next);
      bytes += size;
    }
    if (bytes > 0) this.#write(batch, bytes);
    this.#setTimer(now);
  }

  #write(batch: readonly Sendable[], bytes: number): void {
    const packet = new Uint8Array(bytes);
    let at = 0;
    for (const { entry, flags } of batch) {
      at = writeSendFrame(packet, at, entry.id, flags, entry.message.toBytes, entry.message.payload);
    }
    this.#handlers.write(packet);
    this.#sent += batch.length;
    for (const { entry } of batch) entry.message.onSent();
  }

  #setTimer(now: number): void {
    clearTimeout(this.#timer);
    const { wakeAt } = this.#outbox;
    // Rounded up: a timer that is early by a fraction of a millisecond would find nothing to do.
    if (wakeAt !== Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#pump(), Math.ceil(wakeAt - now));
  }
}
