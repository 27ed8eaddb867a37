import type { Rng } from '../kit/rng.ts';

/**
 * Keeps clients spread evenly over the relays, whatever happens to either: so the share of the traffic that crosses
 * from one relay to another does not depend on luck.
 */
export class Placement {
  readonly #populations: Map<number, number>;
  readonly #rng: Rng;

  /** @param ports of the relays */
  constructor(ports: readonly number[], rng: Rng) {
    this.#populations = new Map(ports.map((port) => [port, 0]));
    this.#rng = rng;
  }

  /**
   * The ports in the order in which a client tries them, the least populated first; the one from which it comes is
   * the last, so that it moves wherever it can.
   */
  candidates(last: number | null): number[] {
    const others = this.#rng.shuffle([...this.#populations.keys()]).filter((port) => port !== last);
    others.sort((a, b) => this.population(a) - this.population(b));
    return last === null ? others : [...others, last];
  }

  population(port: number): number {
    return this.#populations.get(port) ?? 0;
  }

  enter(port: number): void {
    this.#populations.set(port, this.population(port) + 1);
  }

  leave(port: number): void {
    this.#populations.set(port, this.population(port) - 1);
  }
}
