/** Has something to send. The links belong to the Flusher. */
export interface Flushable {
  flush(): void;
  nextToFlush: Flushable | null;
}

/**
 * Flushes everything that was written to in this turn of the event loop, once and together: a chain through the
 * connections themselves, so that waiting costs no memory. A microtask would come after each single message that was
 * read; an immediate comes when all that could be read has been, costs no latency when that is little, and makes one
 * packet of many when it is much: measured, a fifth of the CPU for each message under load.
 */
export class Flusher {
  #first: Flushable | null = null;
  readonly #run = (): void => this.flush();

  /** Must not be called again for the same one before it has been flushed. */
  add(flushable: Flushable): void {
    if (this.#first === null) setImmediate(this.#run);
    flushable.nextToFlush = this.#first;
    this.#first = flushable;
  }

  /** Without waiting for the end of the turn. */
  flush(): void {
    let next = this.#first;
    this.#first = null;
    while (next !== null) {
      const current = next;
      next = current.nextToFlush;
      current.nextToFlush = null;
      current.flush();
    }
  }
}
