import { type MessageId, messageId } from '@causeway/protocol';

/**
 * Message ids: microseconds since 1970, counting up from the later of this machine's clock and the relay's, so that a
 * client that starts again does not reuse an id, also when its clock went back (PROTOCOL section 3).
 */
export class IdClock {
  readonly #now: () => number;
  #last = 0n;

  /** @param now the wall clock, milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Ids from here on are above `ms` (milliseconds since 1970). */
  atLeast(ms: number): void {
    const us = BigInt(Math.trunc(ms)) * 1000n;
    if (us > this.#last) this.#last = us;
  }

  next(): MessageId {
    const now = BigInt(Math.trunc(this.#now())) * 1000n;
    this.#last = now > this.#last ? now : this.#last + 1n;
    return messageId(this.#last);
  }
}
