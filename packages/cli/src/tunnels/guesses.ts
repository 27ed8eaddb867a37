/** Wrong secrets in a window after which nobody is let in until it is over. */
const MAX_WRONG = 10;
const WINDOW_MS = 60_000;

/** Bounds how fast a secret can be guessed, by whatever number of peers: ids cost nothing in an open realm. */
export class Guesses {
  readonly #now: () => number;
  #wrong: number[] = [];

  /** @param now milliseconds on a clock that only goes forward */
  constructor(now: () => number) {
    this.#now = now;
  }

  get areUsedUp(): boolean {
    const since = this.#now() - WINDOW_MS;
    this.#wrong = this.#wrong.filter((at) => at > since);
    return this.#wrong.length >= MAX_WRONG;
  }

  wrong(): void {
    this.#wrong.push(this.#now());
  }
}
