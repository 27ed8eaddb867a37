import { DeliverFlag, type DeliverFrame, type MessageId, type RelayFrame, type WelcomeFrame } from '@causeway/protocol';
import { connectPeer, type RawPeer } from './peer.ts';
import { deferred, within } from './wait.ts';

/** Generous: it bounds a failing test, it is no assertion about speed. */
const DEADLINE_MS = 90_000;

export interface ReaderOptions {
  readonly peer: string;
  readonly realm?: string;
  /** Whether DELIVERs are acknowledged at once (the default), or not at all. */
  readonly acks?: boolean;
}

export interface Shown {
  readonly from: string;
  readonly id: MessageId;
  readonly payload: Uint8Array;
  readonly stored: boolean;
}

/**
 * A recipient over any number of connections, which shows each message once: a duplicate is a (from, id) that was shown
 * (PROTOCOL section 5, Receiving), and nothing else.
 */
export class Reader {
  /** In the order in which a user would have seen them. */
  readonly shown: Shown[] = [];
  /** DELIVERs, with those that were not shown again. */
  deliveries = 0;
  /** Breaches of the protocol by the relay. */
  readonly faults: string[] = [];
  readonly #options: ReaderOptions;
  readonly #resume = crypto.getRandomValues(new Uint8Array(32));
  readonly #known = new Set<string>();
  readonly #waiting = new Set<() => void>();
  #attempt = 0;
  #peer: RawPeer | null = null;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  get duplicates(): number {
    return this.deliveries - this.shown.length;
  }

  /** The present connection. */
  get connection(): RawPeer {
    if (this.#peer === null) throw new Error(`${this.#options.peer} is not connected`);
    return this.#peer;
  }

  /** A new connection with the same secret and the next attempt; the one before it is left as it is. */
  async connect(url: string, { acks = this.#options.acks ?? true } = {}): Promise<WelcomeFrame> {
    let lastSeq = 0;
    const onFrame = (frame: RelayFrame): boolean => {
      if (frame.type !== 'deliver') return false;
      lastSeq += 1;
      if (frame.seq !== lastSeq) this.faults.push(`seq ${frame.seq} instead of ${lastSeq}`);
      this.#show(frame);
      if (acks) peer.ack(frame.seq);
      return true;
    };
    const peer = await connectPeer({ url, onFrame });
    const { peer: name, realm } = this.#options;
    this.#peer = peer;
    this.#attempt += 1;
    const rest = { resume: this.#resume, attempt: this.#attempt, ...(realm !== undefined && { realm }) };
    return peer.hello({ peer: name, ...rest });
  }

  /** Resolves when so many messages have been shown. */
  until(count: number): Promise<void> {
    return this.#when(
      () => this.shown.length >= count,
      () => `${count} messages; ${this.#options.peer} was shown ${this.shown.length}`,
    );
  }

  /** Resolves when so many DELIVERs have come. */
  untilDelivered(count: number): Promise<void> {
    return this.#when(
      () => this.deliveries >= count,
      () => `${count} deliveries; ${this.#options.peer} had ${this.deliveries}`,
    );
  }

  /** Ids in the order shown, of one sender. */
  ids(from: string): MessageId[] {
    return this.shown.filter((message) => message.from === from).map(({ id }) => id);
  }

  stop(): void {
    this.#peer?.terminate();
  }

  async #when(holds: () => boolean, what: () => string): Promise<void> {
    const { promise, resolve } = deferred<void>();
    const check = (): void => {
      if (holds()) resolve();
    };
    this.#waiting.add(check);
    check();
    await within(promise, DEADLINE_MS, what).finally(() => this.#waiting.delete(check));
  }

  #show({ from, id, flags, payload }: DeliverFrame): void {
    this.deliveries += 1;
    const name = `${id} ${from}`;
    if (!this.#known.has(name)) {
      this.#known.add(name);
      this.shown.push({ from, id, payload, stored: (flags & DeliverFlag.stored) !== 0 });
    }
    for (const check of this.#waiting) check();
  }
}
