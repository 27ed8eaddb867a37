import { getHeapStatistics, setFlagsFromString } from 'node:v8';

const MIB = 1024 * 1024;
/**
 * What may come to the old generation between two collections. V8 by itself begins one after a share of what lives there,
 * some 10 MiB in a small heap, and counts in the buffers of what is read from Redis: at the rate of bulk it would collect
 * fifteen times a second, 20 ms each. It is part of the base in `memory-bound.ts`.
 */
const GROWTH_BYTES = 96 * MIB;
const MOST_PERCENT = 400;
const ADJUST_MS = 10_000;

/**
 * The percentage of a heap of so many bytes by which it may grow; 0 leaves it to V8, as is best where the growth is small
 * beside what there is.
 */
export function growthPercent(heapBytes: number): number {
  const percent = Math.round((GROWTH_BYTES / heapBytes) * 100);
  return percent < 100 ? 0 : Math.min(MOST_PERCENT, percent);
}

/** Has V8 collect less often while the heap is small. The timer does not keep the process alive. */
export function allowHeapGrowth(): void {
  const adjust = (): void => {
    setFlagsFromString(`--heap-growing-percent=${growthPercent(getHeapStatistics().used_heap_size)}`);
  };
  adjust();
  setInterval(adjust, ADJUST_MS).unref();
}
