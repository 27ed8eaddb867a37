import { Account } from './account.ts';
import { type Deliver, DeliverFlag, type Receipt, SendFlag, STATUS } from './codec.ts';
import * as metrics from './metrics.ts';
import { now, Peer } from './peer.ts';
import { utf8 } from './utf8.ts';

/** A message begins with the time at which it was to be sent: f64. */
const STAMP_BYTES = 8;
const TEMPORARY: ReadonlySet<number> = new Set([17, 19, 20]);
const FIRST_REFUSAL = 16;
/** Until a hint has come. */
const RETRY_MS = 100;

/** The tag `phase` of latencies: quiet and storm, say, are kept apart. */
export const current = { phase: 'load' };

/** One sender and one recipient in the same runtime, so that every message can be followed by one clock. */
export class Pair {
  readonly account = new Account();
  readonly recipient: Peer;
  readonly #sender: Peer;
  readonly #base = BigInt(Date.now()) * 1000n;
  readonly #to: Uint8Array;
  readonly #payload: Uint8Array;
  readonly #stamp: DataView;
  #retryMs = RETRY_MS;
  /** When to begin again after a refusal; null where nothing is refused. */
  #againAt: number | null = null;
  /** The first message behind the last refusal: receipts of earlier ones say nothing new. */
  #began = 0;

  /** @param urls of the sender's and the recipient's relay */
  constructor(name: string, urls: readonly [string, string], payloadBytes: number) {
    this.#sender = new Peer(urls[0], `${name}-from`, {
      onReceipts: (receipts) => this.#onReceipts(receipts),
      onThrottle: (retryAfterMs) => {
        this.#retryMs = retryAfterMs;
      },
    });
    this.recipient = new Peer(urls[1], `${name}-to`, { onDeliver: (frame) => this.#onDeliver(frame) });
    this.#to = utf8(this.recipient.id);
    this.#payload = new Uint8Array(Math.max(STAMP_BYTES, payloadBytes));
    this.#stamp = new DataView(this.#payload.buffer);
  }

  async open(): Promise<void> {
    await Promise.all([this.recipient.open(), this.openSender()]);
  }

  async openSender(): Promise<void> {
    await this.#sender.open();
  }

  /** @param at when this message is to be sent, by `now`. What no connection takes is counted as sent, and as lost. */
  send(at: number): void {
    const number = this.account.send(at);
    let flags = 0;
    if (this.#againAt !== null && at >= this.#againAt) {
      flags = SendFlag.afterRefusal;
      this.#againAt = null;
      this.#began = number;
    }
    this.#stamp.setFloat64(0, at);
    this.#sender.send(this.#base + BigInt(number), flags, this.#to, this.#payload);
  }

  close(): void {
    this.#sender.close();
    this.recipient.close();
  }

  /** Counts what is left open. */
  finish(): void {
    const { missing, unanswered, stray } = this.account.totals;
    metrics.lost.add(missing);
    metrics.unanswered.add(unanswered);
    metrics.violations.add(stray);
  }

  #onReceipts(receipts: readonly Receipt[]): void {
    const { phase } = current;
    const counts = new Map<number, number>();
    for (const { id, status } of receipts) {
      const number = Number(id - this.#base);
      const at = this.account.answer(number, status);
      counts.set(status, (counts.get(status) ?? 0) + 1);
      if (at !== null && status < FIRST_REFUSAL) metrics.receiptLatency.add(now() - at, { phase });
      if (TEMPORARY.has(status) && number >= this.#began) this.#againAt ??= now() + this.#retryMs;
    }
    for (const [status, count] of counts) {
      metrics.receipts.add(count, { status: STATUS[status] ?? String(status) });
      if (status >= FIRST_REFUSAL) metrics.refused.add(count);
    }
  }

  #onDeliver({ id, flags, payload }: Deliver): void {
    const arrival = this.account.arrive(Number(id - this.#base), (flags & DeliverFlag.again) !== 0);
    if (arrival === 'duplicated') metrics.duplicated.add(1);
    else if (arrival === 'repeated') metrics.repeated.add(1);
    else {
      metrics.delivered.add(1);
      if (arrival === 'reordered') metrics.reordered.add(1);
      if ((flags & DeliverFlag.stored) !== 0) return;
      const at = new DataView(payload.buffer, payload.byteOffset).getFloat64(0);
      metrics.deliveryLatency.add(now() - at, { phase: current.phase });
    }
  }
}
