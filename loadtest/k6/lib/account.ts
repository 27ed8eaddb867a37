/** What one sender sent to one recipient, by its number, and what became of each. */
export interface Totals {
  readonly sent: number;
  /** Handed to the recipient, each message counted once. */
  readonly delivered: number;
  /** Shown again without a word that it might have been shown. */
  readonly duplicated: number;
  /** Shown again, and marked so. */
  readonly repeated: number;
  readonly reordered: number;
  readonly refused: number;
  /** Sent, neither refused nor delivered yet: what is left at the end is lost. */
  readonly missing: number;
  /** Without a receipt yet. */
  readonly unanswered: number;
  /** Receipts for what nobody sent, or for a second time. */
  readonly stray: number;
}

export type Arrival = 'new' | 'reordered' | 'repeated' | 'duplicated';

const FIRST_REFUSAL = 16;

export class Account {
  readonly #unanswered = new Map<number, number>();
  readonly #missing = new Set<number>();
  /** A refused copy may still arrive (`unavailable`). */
  readonly #refused = new Set<number>();
  #sent = 0;
  #delivered = 0;
  #duplicated = 0;
  #repeated = 0;
  #reordered = 0;
  #refusals = 0;
  #stray = 0;
  #highest = -1;

  /** @param at when it was to be sent, milliseconds @returns its number: 0, 1, 2, ... */
  send(at: number): number {
    const number = this.#sent++;
    this.#unanswered.set(number, at);
    this.#missing.add(number);
    return number;
  }

  /** @returns when the message was to be sent; null where this receipt is owed to nothing */
  answer(number: number, status: number): number | null {
    const at = this.#unanswered.get(number);
    if (at === undefined) {
      this.#stray++;
      return null;
    }
    this.#unanswered.delete(number);
    if (status >= FIRST_REFUSAL) {
      this.#refusals++;
      if (this.#missing.delete(number)) this.#refused.add(number);
    }
    return at;
  }

  /** @param again whether the relay says that it may have been shown before */
  arrive(number: number, again: boolean): Arrival {
    if (!this.#missing.delete(number) && !this.#refused.delete(number)) {
      if (again) this.#repeated++;
      else this.#duplicated++;
      return again ? 'repeated' : 'duplicated';
    }
    this.#delivered++;
    if (number < this.#highest) {
      this.#reordered++;
      return 'reordered';
    }
    this.#highest = number;
    return 'new';
  }

  /** Whether every message has its receipt, and all that were not refused have arrived. */
  get isSettled(): boolean {
    return this.#unanswered.size === 0 && this.#missing.size === 0;
  }

  get totals(): Totals {
    return {
      sent: this.#sent,
      delivered: this.#delivered,
      duplicated: this.#duplicated,
      repeated: this.#repeated,
      reordered: this.#reordered,
      refused: this.#refusals,
      missing: this.#missing.size,
      unanswered: this.#unanswered.size,
      stray: this.#stray,
    };
  }
}
