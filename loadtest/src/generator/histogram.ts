const SUB_BUCKETS = 64;
const SUB_BITS = 6;
const LARGEST_EXPONENT = 32;

/** Counts of durations in nanoseconds at a relative precision of 1/64, up to about 4.6 minutes; the rest counts as that. */
export class Histogram {
  readonly #counts = new Float64Array((LARGEST_EXPONENT + 1) * SUB_BUCKETS);
  #total = 0;

  get total(): number {
    return this.#total;
  }

  /** @param nanoseconds negative values count as 0 */
  record(nanoseconds: number): void {
    const index = bucketOf(Math.max(0, Math.floor(nanoseconds)));
    this.#counts[index] = (this.#counts[index] as number) + 1;
    this.#total++;
  }

  /**
   * @param q 0..1
   * @returns nanoseconds, the middle of the bucket that holds the quantile; null when nothing was recorded
   */
  quantile(q: number): number | null {
    if (this.#total === 0) return null;
    const rank = Math.max(1, Math.ceil(q * this.#total));
    let seen = 0;
    for (let index = 0; index < this.#counts.length; index++) {
      seen += this.#counts[index] as number;
      if (seen >= rank) return middleOf(index);
    }
    return null;
  }
}

/** Linear below 64, then 64 buckets for each power of two. */
function bucketOf(value: number): number {
  if (value < SUB_BUCKETS) return value;
  const exponent = Math.floor(Math.log2(value)) - SUB_BITS;
  if (exponent >= LARGEST_EXPONENT) return (LARGEST_EXPONENT + 1) * SUB_BUCKETS - 1;
  return (exponent + 1) * SUB_BUCKETS + Math.floor(value / 2 ** exponent) - SUB_BUCKETS;
}

function middleOf(index: number): number {
  if (index < SUB_BUCKETS) return index;
  const exponent = Math.floor(index / SUB_BUCKETS) - 1;
  const lower = (SUB_BUCKETS + (index % SUB_BUCKETS)) * 2 ** exponent;
  return lower + (2 ** exponent - 1) / 2;
}
