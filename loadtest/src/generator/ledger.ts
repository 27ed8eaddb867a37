/** Which of the numbers 0, 1, 2, ... have been seen, and whether each came once and in order. */
export class Ledger {
  #next = 0;
  /** Numbers above a gap. Empty while everything comes in order. */
  readonly #ahead = new Set<number>();
  #duplicates = 0;
  #outOfOrder = 0;
  #highest = -1;

  /** @returns whether `number` was new */
  add(number: number): boolean {
    if (number < this.#next || this.#ahead.has(number)) {
      this.#duplicates++;
      return false;
    }
    if (number < this.#highest) this.#outOfOrder++;
    else this.#highest = number;
    if (number !== this.#next) {
      this.#ahead.add(number);
      return true;
    }
    this.#next++;
    while (this.#ahead.size > 0 && this.#ahead.delete(this.#next)) this.#next++;
    return true;
  }

  get distinct(): number {
    return this.#next + this.#ahead.size;
  }

  get duplicates(): number {
    return this.#duplicates;
  }

  /** How many came after a higher number. */
  get outOfOrder(): number {
    return this.#outOfOrder;
  }
}
