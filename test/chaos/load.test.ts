import { expect, it } from 'vitest';
import { busiest } from './load.ts';
import type { Party } from './traffic.ts';

const PORTS = [10, 20, 30];

/** A client on a relay, with so many messages under way to others. */
function party(peer: string, port: number, underWay: Record<string, number>): Party {
  const recorder = { peer, underWayTo: (to: string) => underWay[to] ?? 0 };
  return { recorder, gate: { port } } as unknown as Party;
}

it('finds the relays with most messages under way, those within a relay left out', () => {
  const parties = [
    party('a', 10, { b: 5, c: 1, d: 100 }),
    party('b', 20, { c: 4 }),
    party('c', 30, { a: 2, b: 3 }),
    party('d', 10, { b: 1 }),
  ];
  expect(busiest({ parties }, { ports: PORTS })).toEqual({ sender: 0, recipient: 1, pair: [0, 1] });
  const others = [party('a', 10, { b: 3, c: 3 }), party('b', 20, { c: 5 }), party('c', 30, {})];
  expect(busiest({ parties: others }, { ports: PORTS })).toEqual({ sender: 0, recipient: 2, pair: [1, 2] });
});
