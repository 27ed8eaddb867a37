/** What a test started and has to stop. */
export class Scope {
  readonly #stops: (() => unknown)[] = [];

  /** Has it stopped by `end`. */
  keep<T extends { stop(): unknown } | { terminate(): void }>(started: T): T {
    this.#stops.push(() => ('stop' in started ? started.stop() : started.terminate()));
    return started;
  }

  /** Stops everything, the last first, also when stopping one fails; then passes the first error on. */
  async end(): Promise<void> {
    const errors: unknown[] = [];
    for (const stop of this.#stops.splice(0).reverse()) {
      try {
        await stop();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
