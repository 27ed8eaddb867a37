import { Deque } from './deque.ts';

/**
 * Lets so many in at a time, the others wait in their order. When a node dies, thousands of its peers are looked up and
 * ended in one moment; what the store is asked for them must not stand in front of everything else that it is asked.
 */
export class Turnstile {
  private readonly limit: number;
  private readonly waiting = new Deque<() => void>();
  private inside = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Calls at once or when it is its turn; each call has to be followed by `leave`. */
  enter(call: () => void): void {
    if (this.inside === this.limit) {
      this.waiting.push(call);
      return;
    }
    this.inside += 1;
    call();
  }

  leave(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.inside -= 1;
    else next();
  }
}
