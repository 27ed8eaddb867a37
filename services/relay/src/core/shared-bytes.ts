/** One may hold this part of what is still free. */
const SHARE = 4;

/**
 * Bytes of which many hold some, such as those that sockets have not taken yet. Each may hold a quarter of what is still
 * free, and never more than its own bound: so the whole is never exceeded, and where many are slow those with the most
 * are closed first.
 */
export class SharedBytes {
  readonly #most: number;
  readonly #mostEach: number;
  #held = 0;

  /** `most` bytes for all, `mostEach` for one. */
  constructor(most: number, mostEach: number) {
    this.#most = most;
    this.#mostEach = mostEach;
  }

  get held(): number {
    return this.#held;
  }

  /** One that holds so many bytes is on the way to its bound. */
  isTight(now: number): boolean {
    return now > 0 && now > (this.#most - (this.#held - now)) / SHARE / 2;
  }

  /** One holds `now` bytes where it held `before`. False: more than it may. */
  change(before: number, now: number): boolean {
    this.#held += now - before;
    const free = this.#most - (this.#held - now);
    return now <= Math.min(this.#mostEach, free / SHARE);
  }
}
