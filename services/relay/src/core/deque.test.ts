import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Deque } from './deque.ts';

type Step = { do: 'push' | 'unshift' | 'shift' | 'clear'; value: number };

const steps = fc.array(
  fc.record<Step>({
    do: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom('push' as const, 'unshift' as const) },
      { weight: 5, arbitrary: fc.constant('shift' as const) },
      { weight: 1, arbitrary: fc.constant('clear' as const) },
    ),
    value: fc.nat(),
  }),
  { maxLength: 200 },
);

test('behaves as an array does', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const deque = new Deque<number>();
      const model: number[] = [];
      for (const step of all) {
        if (step.do === 'push') [deque.push(step.value), model.push(step.value)];
        else if (step.do === 'unshift') [deque.unshift(step.value), model.unshift(step.value)];
        else if (step.do === 'shift') expect(deque.shift()).toBe(model.shift());
        else [deque.clear(), model.splice(0)];
        expect(deque.length).toBe(model.length);
        expect(deque.peek()).toBe(model[0]);
      }
      expect([...deque]).toEqual(model);
      expect(Array.from({ length: model.length + 1 }, (_, i) => deque.at(i))).toEqual([...model, undefined]);
    }),
  );
});
