/** Lets any number of waiters know that something changed. */
export class Signal {
  #promise: Promise<void> | null = null;
  #resolve: () => void = () => undefined;

  /** Resolves at the next `notify`. */
  next(): Promise<void> {
    this.#promise ??= new Promise((resolve) => {
      this.#resolve = resolve;
    });
    return this.#promise;
  }

  notify(): void {
    this.#promise = null;
    this.#resolve();
  }
}
