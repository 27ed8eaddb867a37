import type { Fleet } from './fleet.ts';
import type { Traffic } from './traffic.ts';

/** Indexes of relays in the fleet. */
export interface Busiest {
  /** The clients of this one have most messages under way. */
  readonly sender: number;
  /** Most messages are under way to the clients of this one. */
  readonly recipient: number;
  /** Most messages are under way from the one to the other. */
  readonly pair: readonly [number, number];
}

function add(counts: number[], index: number, count: number): void {
  counts[index] = (counts[index] ?? 0) + count;
}

function indexOfMost(counts: readonly number[]): number {
  return counts.reduce((most, count, index) => (count > (counts[most] ?? 0) ? index : most), 0);
}

/** Where messages without an outcome are, so that a fault can strike there. */
export function busiest({ parties }: Pick<Traffic, 'parties'>, { ports }: Pick<Fleet, 'ports'>): Busiest {
  const from = ports.map(() => 0);
  const to = ports.map(() => 0);
  const pairs = ports.flatMap(() => ports.map(() => 0));
  const placeOf = (port: number | null): number => (port === null ? -1 : ports.indexOf(port));
  for (const sender of parties) {
    const source = placeOf(sender.gate.port);
    for (const recipient of parties) {
      const target = placeOf(recipient.gate.port);
      if (source === -1 || target === -1 || source === target) continue;
      const count = sender.recorder.underWayTo(recipient.recorder.peer);
      add(from, source, count);
      add(to, target, count);
      add(pairs, source * ports.length + target, count);
    }
  }
  const pair = indexOfMost(pairs);
  return {
    sender: indexOfMost(from),
    recipient: indexOfMost(to),
    pair: [Math.floor(pair / ports.length), pair % ports.length],
  };
}
