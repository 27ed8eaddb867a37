import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import type { Codec } from './codecs.ts';

/** Inputs between two looks at the heap. */
export const SLICE = 50_000;
/** Far above what any input may take, and below what anybody would bear. */
const HANG_MS = 1000;
/** What code that is compiled late and caches that fill up may add to the heap. */
const HEAP_SLACK_BYTES = 8 * 1024 * 1024;

export interface Figures {
  readonly inputs: number;
  readonly seconds: number;
  /** Milliseconds of the input that took longest. */
  readonly slowestMs: number;
  /** Bytes of the heap behind the last slice over those behind the first, after collection. */
  readonly heapGrowth: number;
}

function heapBytes(collect: () => void): number {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The collector, also where the process was not started with it. */
function collector(): () => void {
  setFlagsFromString('--expose_gc');
  return runInNewContext('gc') as () => void;
}

/** Milliseconds. */
function timeOf({ check }: Codec, input: unknown): number {
  const at = performance.now();
  check(input);
  return performance.now() - at;
}

/**
 * Tries so many inputs on a codec, the same for the same seed.
 * @throws with the smallest input found that crashes or hangs, or when the heap grows with the inputs.
 */
export function fuzz(codec: Codec, inputs: number, seed: number): Figures {
  const collect = collector();
  let slowestMs = 0;
  let first: number | null = null;
  let last = 0;
  const started = performance.now();
  const property = fc.property(codec.inputs, (input) => {
    let took = timeOf(codec, input);
    // A machine with other things to do may have stopped the process.
    if (took > HANG_MS) took = Math.min(took, timeOf(codec, input));
    slowestMs = Math.max(slowestMs, took);
    if (took > HANG_MS) throw new Error(`an input took ${Math.round(took)} ms`);
  });
  for (let done = 0; done < inputs; ) {
    const numRuns = Math.min(SLICE, inputs - done);
    fc.assert(property, { numRuns, seed: (seed + done) | 0, includeErrorInReport: true });
    done += numRuns;
    last = heapBytes(collect);
    first ??= last;
  }
  const heapGrowth = last - (first ?? last);
  if (heapGrowth > HEAP_SLACK_BYTES) throw new Error(`the heap has grown by ${heapGrowth} bytes over ${inputs} inputs`);
  return { inputs, seconds: (performance.now() - started) / 1000, slowestMs, heapGrowth };
}
