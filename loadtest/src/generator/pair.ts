import type { Connection } from './connection.ts';
import type { Histogram } from './histogram.ts';
import { Ledger } from './ledger.ts';
import type { Sink, Template, Wire } from './wires/wire.ts';

/** Head of each payload: `pair:u16 sequence:u32 sentAt:f64`, little-endian; `sentAt` in milliseconds of this process. */
export const PAYLOAD_HEAD_BYTES = 14;

const MAX_BATCH = 16;

/** What all pairs of a job count together. */
export interface Tally {
  /** Whether the measured window is open: only then is anything below recorded. */
  measuring: boolean;
  /** Delivered. */
  messages: number;
  readonly latency: Histogram;
  /** How late messages left after their intended time; empty in a closed loop. */
  readonly lateness: Histogram;
}

/** One sender, its recipient, and the books on what went between them. */
export class Pair implements Sink {
  readonly deliveries = new Ledger();
  readonly receipts = new Ledger();
  refused = 0;
  sent = 0;
  readonly #index: number;
  readonly #sender: Connection;
  readonly #template: Template;
  readonly #tally: Tally;
  /** Copies of the template, one after another, so that a batch leaves in one write. */
  #batch: Buffer;

  constructor(index: number, sender: Connection, wire: Wire, to: string, payloadBytes: number, tally: Tally) {
    this.#index = index;
    this.#sender = sender;
    this.#tally = tally;
    this.#template = wire.template(to, Buffer.alloc(payloadBytes, 0x5a));
    this.#batch = this.#newBatch();
  }

  get undelivered(): number {
    return this.sent - this.deliveries.distinct;
  }

  /** Sends `count` messages (at most 16) in one write. `at`: the moment from which their latency counts. */
  send(count: number, at: number): void {
    // What the kernel has not taken yet still needs its buffer.
    if (this.#sender.pendingBytes > 0) this.#batch = this.#newBatch();
    const { bytes, payloadAt, idAt } = this.#template;
    const messages = Math.min(count, MAX_BATCH);
    for (let i = 0; i < messages; i++) {
      const start = i * bytes.length;
      const head = start + payloadAt;
      if (idAt !== null) this.#batch.writeUInt32BE(this.sent, start + idAt);
      this.#batch.writeUInt16LE(this.#index, head);
      this.#batch.writeUInt32LE(this.sent, head + 2);
      this.#batch.writeDoubleLE(at, head + 6);
      this.sent++;
    }
    this.#sender.write(this.#batch.subarray(0, messages * bytes.length));
  }

  delivered(buffer: Buffer, at: number): void {
    const pair = buffer.readUInt16LE(at);
    if (pair !== this.#index) throw new Error(`a message of pair ${pair} reached the recipient of pair ${this.#index}`);
    if (!this.deliveries.add(buffer.readUInt32LE(at + 2)) || !this.#tally.measuring) return;
    this.#tally.messages++;
    this.#tally.latency.record((performance.now() - buffer.readDoubleLE(at + 6)) * 1e6);
  }

  receipt(sequence: number, ok: boolean): void {
    if (sequence >= this.sent) throw new Error(`a receipt for message ${sequence} of ${this.sent}`);
    if (this.receipts.add(sequence) && !ok) this.refused++;
  }

  #newBatch(): Buffer {
    return Buffer.concat(new Array<Buffer>(MAX_BATCH).fill(this.#template.bytes));
  }
}
