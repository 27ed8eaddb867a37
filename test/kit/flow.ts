import {
  isTemporary,
  type MessageId,
  type ReceiptStatusName,
  type RelayFrame,
  receiptStatusName,
  SendFlag,
} from '@causeway/protocol';
import { connectPeer, peerId, type RawPeer } from './peer.ts';
import { deferred, within } from './wait.ts';

/** Until a THROTTLE says otherwise. */
const DEFAULT_HINT_MS = 200;
/** Generous: it bounds a failing test, it is no assertion about speed. */
const DEADLINE_MS = 90_000;

export interface FlowOptions {
  readonly url: string;
  readonly from: string;
  readonly to: string;
  readonly realm?: string;
  /** Their ids are 1, 2, ... */
  readonly payloads: readonly Uint8Array[];
  /** Messages without a receipt at most; the relay's send window where none is named. */
  readonly window?: number;
}

/**
 * Sends messages to one recipient as PROTOCOL section 5 asks of a client: after a temporary refusal it waits until all
 * that is under way has its receipt, then as long as the hint says, and sends what was refused again in its order, the
 * first with `after-refusal`. It counts every receipt, so that a test can hold them against the SENDs.
 */
export class Flow {
  /** Final receipts by id. */
  readonly outcomes = new Map<MessageId, number>();
  /** Breaches of the protocol by the relay: receipts that nothing was owed, and messages taken behind a refused one. */
  readonly faults: string[] = [];
  /** SENDs, those that repeat one included, and temporary refusals among their receipts. */
  sends = 0;
  refusals = 0;
  readonly #options: FlowOptions;
  readonly #underWay = new Set<number>();
  readonly #finished = deferred<void>();
  #peer: RawPeer | null = null;
  #refused: number[] = [];
  /** The highest id with a final receipt since the last refusal was over. */
  #lastTaken = 0;
  #next = 1;
  #last: number;
  #window = 0;
  #hintMs = DEFAULT_HINT_MS;

  constructor(options: FlowOptions) {
    this.#options = options;
    this.#last = options.payloads.length;
    // Who waits for the end is told; a flow that fails while nobody does is told by the next `finish`.
    this.#finished.promise.catch(() => undefined);
  }

  /** Connects and begins to send. */
  async start(): Promise<this> {
    const { url, from, realm, window } = this.#options;
    const peer = await connectPeer({ url, onFrame: (frame) => this.#take(frame) });
    this.#peer = peer;
    const welcome = await peer.hello({ peer: from, ...(realm !== undefined && { realm }) });
    this.#window = window ?? welcome.sendWindow;
    peer.closed.then(({ code, reason }) =>
      this.#finished.reject(new Error(`closed with ${code} "${reason}"; ${this.summary()}`)),
    );
    this.#pump(0);
    return this;
  }

  /** Resolves when every message has a final receipt. */
  async finish(): Promise<void> {
    await within(this.#finished.promise, DEADLINE_MS, () => `all receipts; ${this.summary()}`);
  }

  /** Begins no further message. Returns how many there are. */
  end(): number {
    this.#last = this.#next - 1;
    this.#resolveIfDone();
    return this.#last;
  }

  /** How many messages ended so. */
  count(status: ReceiptStatusName): number {
    return [...this.outcomes.values()].filter((outcome) => receiptStatusName(outcome) === status).length;
  }

  stop(): void {
    this.#peer?.terminate();
  }

  summary(): string {
    const { from } = this.#options;
    const rest = `${this.#underWay.size} under way, ${this.refusals} refusals, ${this.sends} sends`;
    return `${from}: ${this.outcomes.size} of ${this.#last} messages have their outcome, ${rest}`;
  }

  #take(frame: RelayFrame): boolean {
    if (frame.type === 'throttle') this.#hintMs = frame.retryAfterMs;
    else if (frame.type === 'receipt') for (const { id, status } of frame.receipts) this.#receipt(Number(id), status);
    return frame.type === 'throttle' || frame.type === 'receipt';
  }

  #receipt(id: number, status: number): void {
    if (!this.#underWay.delete(id)) {
      this.faults.push(`${id}=${status} is owed to nothing`);
    } else if (isTemporary(status)) {
      this.refusals += 1;
      this.#refused.push(id);
      if (this.#lastTaken > id) this.faults.push(`${id}=${status}, but ${this.#lastTaken} behind it was taken`);
    } else {
      // All that is under way was sent in the order of the ids, and a refusal holds for what follows it.
      if (this.#refused.some((refused) => refused < id)) this.faults.push(`${id}=${status} behind a refusal`);
      this.#lastTaken = Math.max(this.#lastTaken, id);
      this.outcomes.set(id, status);
    }
    if (this.#resolveIfDone()) return;
    if (this.#refused.length === 0) this.#pump(0);
    else if (this.#underWay.size === 0) setTimeout(() => this.#again(), this.#hintMs);
  }

  #resolveIfDone(): boolean {
    const done = this.outcomes.size === this.#last;
    if (done) this.#finished.resolve();
    return done;
  }

  #again(): void {
    if (this.#underWay.size > 0) return;
    const again = this.#refused.sort((a, b) => a - b);
    this.#refused = [];
    this.#lastTaken = 0;
    this.#pump(SendFlag.afterRefusal, again);
  }

  #pump(flags: number, again: readonly number[] = []): void {
    const ids = [...again];
    while (this.#underWay.size + ids.length < this.#window && this.#next <= this.#last) {
      ids.push(this.#next);
      this.#next += 1;
    }
    for (const [index, id] of ids.entries()) this.#send(id, index === 0 ? flags : 0);
  }

  #send(id: number, flags: number): void {
    this.sends += 1;
    this.#underWay.add(id);
    const payload = this.#options.payloads[id - 1] as Uint8Array;
    this.#peer?.send({ type: 'send', id, flags, to: peerId(this.#options.to), payload });
  }
}
