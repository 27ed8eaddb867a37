/**
 * Draws one of `1 / ratio` on average, each independent of the others. What is not drawn costs a subtraction: how many
 * are passed over is drawn at once.
 */
export class Lot {
  private readonly ratio: number;
  private readonly random: () => number;
  /** To be passed over before the next one that is drawn. */
  private left: number;

  /** @param ratio 0 for none, 1 for all */
  constructor(ratio: number, random: () => number = Math.random) {
    this.ratio = ratio;
    this.random = random;
    this.left = this.gap();
  }

  draw(): boolean {
    if (this.left > 0) {
      this.left -= 1;
      return false;
    }
    this.left = this.gap();
    return true;
  }

  /** Geometrically distributed. */
  private gap(): number {
    if (this.ratio <= 0) return Number.POSITIVE_INFINITY;
    if (this.ratio >= 1) return 0;
    return Math.floor(Math.log(1 - this.random()) / Math.log(1 - this.ratio));
  }
}
