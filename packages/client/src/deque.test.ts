import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deque } from './deque.ts';

const step = fc.oneof(
  fc.record({ do: fc.constant('push' as const), item: fc.nat() }),
  fc.record({ do: fc.constant('shift' as const) }),
  fc.record({ do: fc.constant('prepend' as const), items: fc.array(fc.nat(), { maxLength: 3 }) }),
  fc.record({ do: fc.constant('filter' as const), modulus: fc.integer({ min: 2, max: 4 }) }),
);

describe('Deque', () => {
  it('does what an array does', () => {
    const property = fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const deque = new Deque<number>();
      let array: number[] = [];
      for (const action of steps) {
        if (action.do === 'push') {
          deque.push(action.item);
          array.push(action.item);
        } else if (action.do === 'shift') {
          expect(deque.shift()).toBe(array.shift());
        } else if (action.do === 'prepend') {
          deque.prepend(action.items);
          array = [...action.items, ...array];
        } else {
          deque.filter((item) => item % action.modulus === 0);
          array = array.filter((item) => item % action.modulus === 0);
        }
        expect(deque.size).toBe(array.length);
        expect(deque.peek()).toBe(array[0]);
      }
      expect([...deque]).toEqual(array);
    });
    fc.assert(property);
  });
});
