import {
  encodeUtf8,
  type MessageId,
  type PeerId,
  ReceiptStatus,
  type ReceiptStatusName,
  receiptStatusName,
  SendFlag,
} from '@causeway/protocol';
import { RefusedError, SendError } from './errors.ts';
import type { Outgoing } from './lane.ts';

export interface SendOptions {
  /** False: only deliver to a recipient that is online, never store the message. Default true. */
  readonly store?: boolean;
  /**
   * False: resolve once the message is handed to a connection, with status `sent`. A final refusal then becomes a
   * `refused` event, and a message that is on its way when its connection ends may be lost. Default true.
   */
  readonly receipt?: boolean;
  /** Milliseconds after which the send is given up. Default: never. */
  readonly timeout?: number;
  /** Gives the send up. */
  readonly signal?: AbortSignal;
}

/** What became of a message. */
export interface Receipt {
  readonly id: MessageId;
  readonly to: string;
  /**
   * `delivered`: the recipient's client acknowledged it. `queued`: it is stored for the recipient. `sent`: it was handed
   * to a connection, and no receipt was asked for.
   */
  readonly status: 'delivered' | 'queued' | 'sent';
}

/** The final refusal of a message that was sent with `receipt: false`. */
export interface Refusal {
  readonly id: MessageId;
  readonly to: string;
  readonly error: RefusedError | SendError;
}

/** Timers do not reach further: a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** One call of `send`: its promise, its timeout and signal. */
export class PendingSend implements Outgoing {
  readonly to: PeerId;
  readonly toBytes: Uint8Array;
  readonly payload: Uint8Array;
  readonly flags: number;
  readonly quiet: boolean;
  readonly promise: Promise<Receipt>;
  readonly #id: MessageId;
  readonly #onRefused: (refusal: Refusal) => void;
  readonly #signal: AbortSignal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #resolve: (receipt: Receipt) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  #abandon: () => boolean = () => false;

  constructor(
    id: MessageId,
    to: PeerId,
    payload: Uint8Array,
    options: SendOptions,
    onRefused: (refusal: Refusal) => void,
  ) {
    this.#id = id;
    this.to = to;
    this.toBytes = encodeUtf8(to);
    this.payload = payload;
    this.flags = options.store === false ? SendFlag.noStore : 0;
    this.quiet = options.receipt === false;
    this.#signal = options.signal;
    this.#onRefused = onRefused;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /**
   * Arms timeout and signal.
   * @param abandon takes the message back and says whether it may arrive all the same
   */
  arm(timeout: number | undefined, abandon: () => boolean): void {
    this.#abandon = abandon;
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (timeout === undefined || timeout > MAX_TIMER_MS) return;
    this.#timer = setTimeout(() => this.#giveUp('timeout', `within ${timeout} ms`, undefined), timeout);
  }

  onSent(): void {
    if (!this.quiet) return;
    this.#disarm();
    this.#resolve({ id: this.#id, to: this.to, status: 'sent' });
  }

  onSettled(status: number): void {
    this.#disarm();
    if (status === ReceiptStatus.delivered || status === ReceiptStatus.queued) {
      this.#resolve({
        id: this.#id,
        to: this.to,
        status: status === ReceiptStatus.delivered ? 'delivered' : 'queued',
      });
      return;
    }
    const name = receiptStatusName(status);
    const error = name
      ? new RefusedError(name, this.#id, this.to, REFUSALS[name] ?? name)
      : new SendError('outcome_unknown', `the relay answered with the unknown status ${status}`, this.#id);
    if (this.quiet) this.#onRefused({ id: this.#id, to: this.to, error });
    this.#reject(error);
  }

  /** The client ended before the receipt came. */
  onFinished(uncertain: boolean, cause: unknown): void {
    this.#disarm();
    this.#fail('stopped', 'before the client stopped', uncertain, cause);
  }

  readonly #onAbort = (): void => this.#giveUp('aborted', 'before it was aborted', this.#signal?.reason);

  #giveUp(code: 'timeout' | 'aborted', when: string, cause: unknown): void {
    this.#disarm();
    this.#fail(code, when, this.#abandon(), cause);
  }

  #fail(code: 'timeout' | 'aborted' | 'stopped', when: string, uncertain: boolean, cause: unknown): void {
    const text = `no receipt for the message to ${JSON.stringify(this.to)} ${when}`;
    const error = uncertain
      ? new SendError('outcome_unknown', `${text}; it may still arrive`, this.#id, cause)
      : new SendError(code, text, this.#id, cause);
    this.#reject(error);
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}

/** The final refusals, for people. */
const REFUSALS: Partial<Record<ReceiptStatusName, string>> = {
  offline: 'the recipient is not connected, and storing was not allowed',
  too_large: 'its payload is larger than the relay takes',
  forbidden: 'the relay does not allow it',
  bad_recipient: 'that is no peer id',
  unconfirmed: 'the recipient went away before it confirmed, and storing was not allowed',
};
