import { describe, expect, it } from 'vitest';
import { createRng } from '../kit/rng.ts';
import { Placement } from './placement.ts';

const PORTS = [1, 2, 3, 4];

describe('the placement', () => {
  it('sends each to the least populated relay', () => {
    const placement = new Placement(PORTS, createRng(1));
    for (let client = 0; client < 10; client++) placement.enter(placement.candidates(null)[0] as number);
    expect(PORTS.map((port) => placement.population(port)).sort()).toEqual([2, 2, 3, 3]);
    for (const port of [1, 1, 2, 3]) placement.leave(port);
    for (const port of [1, 2, 4]) while (placement.population(port) < 5) placement.enter(port);
    expect(placement.candidates(null)[0]).toBe(3);
  });

  it('names the relay that was left last, however empty it is', () => {
    const placement = new Placement(PORTS, createRng(2));
    for (const port of [1, 1, 3, 4, 4, 4]) placement.enter(port);
    expect(placement.candidates(2)).toEqual([3, 1, 4, 2]);
  });

  it('stays even while clients move about and a relay is away', () => {
    const placement = new Placement(PORTS, createRng(3));
    const rng = createRng(4);
    const at = Array.from({ length: 16 }, () => null as number | null);
    for (let moves = 0; moves < 1000; moves++) {
      const client = moves % at.length;
      const last = at[client] as number | null;
      if (last !== null) placement.leave(last);
      const refuses = rng.chance(0.3) ? 1 : null;
      const port = placement.candidates(last).find((candidate) => candidate !== refuses) as number;
      placement.enter(port);
      at[client] = port;
      if (moves >= at.length) expect(Math.max(...PORTS.map((one) => placement.population(one)))).toBeLessThanOrEqual(8);
    }
  });
});
