import type { NodeSample, Sample } from './sample.ts';

/** In which heaps grow to their working size and code is compiled. */
export const WARM_UP_MINUTES = 10;
/** With fewer minutes behind the warm-up, a growth says nothing. */
const LEAST_MINUTES = 10;
/** Of a median, against single samples just before a collection. */
const MEDIAN_OF = 5;
/**
 * Of resident memory since the warm-up. A collection that gives its young generation back makes a relay of 160 MB
 * smaller by a tenth to a fifth for some minutes, so less would be found where nothing is kept. In the 45 minutes
 * between the medians of an hour with 300 messages a second, each of three relays takes 270,000 messages: 32 MB are 120
 * bytes for each, little more than a Map's entry and the object in it.
 */
export const MAX_GROWTH = 0.2;
/** Of open files: two requests to the admin port, and a client that comes while they are counted. */
export const MAX_MORE_FILES = 3;
const NAMED_KEYS = 5;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

export interface Growth {
  /** Bytes of resident memory: the median just after the warm-up, and at the end. */
  readonly from: number;
  readonly to: number;
  /** Of `from`. */
  readonly share: number;
}

/** Of each node under load; none where the run was too short. */
export function memoryGrowth(samples: readonly Sample[]): Growth[] {
  const warm = samples.filter(({ minute }) => minute >= WARM_UP_MINUTES);
  if (warm.length < LEAST_MINUTES) return [];
  const middle = (some: readonly Sample[], index: number): number =>
    median(some.map(({ nodes }) => (nodes[index] as NodeSample).rssBytes));
  return (warm[0] as Sample).nodes.map((_, index) => {
    const from = middle(warm.slice(0, MEDIAN_OF), index);
    const to = middle(warm.slice(-MEDIAN_OF), index);
    return { from, to, share: to / from - 1 };
  });
}

/** One sentence for each node that keeps more than it may. */
export function findGrowth(samples: readonly Sample[]): string[] {
  return memoryGrowth(samples).flatMap(({ share }, index) =>
    share <= MAX_GROWTH ? [] : [`node ${index} has grown by ${percent(share)} of its resident memory`],
  );
}

/**
 * What a node has open beside its clients is the same all the time: its listeners, and its connections to Redis.
 * @param end when all clients have left
 */
export function findOpenFiles(samples: readonly Sample[], end: Sample): string[] {
  return end.nodes.flatMap(({ files, connections }, index) => {
    const findings: string[] = [];
    if (connections > 0) findings.push(`node ${index} still counts ${connections} connections`);
    const first = samples[0]?.nodes[index];
    if (first === undefined) return findings;
    const needed = first.files - first.connections;
    if (files > needed + MAX_MORE_FILES)
      findings.push(`node ${index} has ${files} open files without a client; ${needed} at the beginning`);
    return findings;
  });
}

/** @param nodes names of the nodes that live */
export function findLasting(lasting: readonly string[], nodes: readonly string[]): string[] {
  const mayLast = (key: string): boolean =>
    key === 'cw:{nodes}' || nodes.some((node) => key.startsWith(`cw:{n:${node}}:`));
  const left = lasting.filter((key) => !mayLast(key));
  if (left.length === 0) return [];
  return [`${left.length} keys in Redis have no end: ${left.slice(0, NAMED_KEYS).join(', ')}`];
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
