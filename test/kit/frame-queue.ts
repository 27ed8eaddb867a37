import type { RelayFrame } from '@causeway/protocol';
import { deferred, within } from './wait.ts';

export type RelayFrameType = RelayFrame['type'];
export type FrameOf<T extends RelayFrameType> = Extract<RelayFrame, { type: T }>;

/** Frames named in an error, the latest. */
const NAMED_FRAMES = 40;

interface Waiter {
  /** Whether it took the frame. */
  offer(frame: RelayFrame): boolean;
  fail(error: Error): void;
}

function label(frame: RelayFrame): string {
  if (frame.type === 'error') return `error(${frame.code}: ${frame.message})`;
  if (frame.type === 'deliver') return `deliver(${frame.seq})`;
  if (frame.type === 'receipt')
    return `receipt(${frame.receipts.map(({ id, status }) => `${id}=${status}`).join(' ')})`;
  return frame.type;
}

/** Frames as they came, each handed out once, to whoever asks for its type. */
export class FrameQueue {
  readonly #waiting: RelayFrame[] = [];
  readonly #history: string[] = [];
  readonly #waiters = new Set<Waiter>();
  #received = 0;
  #closed: string | null = null;

  push(frame: RelayFrame): void {
    this.#received++;
    if (this.#history.push(label(frame)) > NAMED_FRAMES) this.#history.shift();
    for (const waiter of this.#waiters) {
      if (waiter.offer(frame)) return;
    }
    this.#waiting.push(frame);
  }

  /** Nothing more comes: whoever waits is told why. */
  close(reason: string): void {
    this.#closed = reason;
    for (const waiter of this.#waiters) waiter.fail(new Error(`${reason}; ${this.summary()}`));
  }

  /** The first frame of the type (and for which the predicate holds) not handed out yet, or the next to come. */
  async next<T extends RelayFrameType>(
    type: T,
    predicate: (frame: FrameOf<T>) => boolean,
    timeoutMs: number,
  ): Promise<FrameOf<T>> {
    const fits = (frame: RelayFrame): frame is FrameOf<T> => frame.type === type && predicate(frame as FrameOf<T>);
    const index = this.#waiting.findIndex(fits);
    if (index >= 0) return this.#waiting.splice(index, 1)[0] as FrameOf<T>;
    if (this.#closed !== null) throw new Error(`no ${type}: ${this.#closed}; ${this.summary()}`);

    const { promise, resolve, reject } = deferred<FrameOf<T>>();
    const waiter: Waiter = {
      fail: reject,
      offer: (frame) => {
        if (!fits(frame)) return false;
        // Here and not after the await: it takes one frame, and the next may be pushed before it goes on.
        this.#waiters.delete(waiter);
        resolve(frame);
        return true;
      },
    };
    this.#waiters.add(waiter);
    try {
      return await within(promise, timeoutMs, () => `${type}; ${this.summary()}`);
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  /** All frames of the type that were not handed out yet. */
  take<T extends RelayFrameType>(type: T): FrameOf<T>[] {
    const taken = this.#waiting.filter((frame): frame is FrameOf<T> => frame.type === type);
    const rest = this.#waiting.filter((frame) => frame.type !== type);
    this.#waiting.splice(0, this.#waiting.length, ...rest);
    return taken;
  }

  summary(): string {
    const named = this.#history.join(', ') || 'nothing';
    return `received ${this.#received} frames: ${this.#received > NAMED_FRAMES ? '..., ' : ''}${named}`;
  }
}
