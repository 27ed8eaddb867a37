import type { NodeId } from '@causeway/protocol';
import type { NodeRecord } from './ports.ts';

/** Share of the drain time over which clients leave; the rest is for storing and settling what they leave behind. */
const SPREAD = 0.7;
/** Few clients need not be further apart than this. */
const LONGEST_GAP_MS = 1000;
/** A client tries the named relays in turn: it needs one, and another where that one is full. */
const MAX_URLS = 5;

/** A client's connection that can be asked to go elsewhere. */
export interface Departing {
  /** It serves for `reconnectAfterMs` more, and is closed then. */
  goAway(reason: string, reconnectAfterMs: number, urls: readonly string[]): void;
}

/**
 * Milliseconds after which the client of this index leaves, the first one at once. Whatever their number, no more than
 * 1 / 0.7 of the average over the drain time leave in any part of it.
 */
export function departureMs(index: number, count: number, drainMs: number): number {
  return Math.floor(index * Math.min(LONGEST_GAP_MS, (SPREAD * drainMs) / count));
}

/** Where clients of this node find another that takes them, each URL once. */
export function otherUrls(own: NodeId, nodes: readonly NodeRecord[]): readonly string[] {
  const others = nodes.filter(({ node, url, state }) => node !== own && url !== '' && state === 'live');
  return [...new Set(others.map(({ url }) => url))];
}

/** Tells all clients to leave, evenly over the drain time and evenly to the other nodes. */
export function sendAway(
  clients: readonly Departing[],
  reason: string,
  drainMs: number,
  urls: readonly string[],
): void {
  clients.forEach((client, index) => {
    client.goAway(reason, departureMs(index, clients.length, drainMs), rotated(urls, index).slice(0, MAX_URLS));
  });
}

/** The same order, beginning with another one for each index. */
function rotated(urls: readonly string[], index: number): string[] {
  const first = urls.length === 0 ? 0 : index % urls.length;
  return [...urls.slice(first), ...urls.slice(0, first)];
}
