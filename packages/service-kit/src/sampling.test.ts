import { expect, test } from 'vitest';
import { Sampling } from './sampling.ts';

/** By their ids among the lower and the upper half of all traces. */
const LOW = { traceId: '00000000000000000000000000000001', sampled: true };
const HIGH = { traceId: 'ffffffff000000000000000000000001', sampled: true };

function sampling(name?: string, argument?: string) {
  const problems: string[] = [];
  const read = Sampling.fromEnv({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument }, (text) =>
    problems.push(text),
  );
  const roots = Array.from({ length: 2000 }, () => read.root()).filter(Boolean).length;
  const share = roots === 0 ? 'none' : roots === 2000 ? 'all' : 'some';
  const parts = [LOW, { ...LOW, sampled: false }, HIGH].map((context) => read.part(context));
  return [share, parts, problems.length];
}

test.each([
  [undefined, undefined, 'all', [true, false, true]],
  ['parentbased_always_on', undefined, 'all', [true, false, true]],
  ['parentbased_always_off', undefined, 'none', [true, false, true]],
  ['always_on', undefined, 'all', [true, true, true]],
  ['always_off', undefined, 'none', [false, false, false]],
  ['traceidratio', '0.5', 'some', [true, true, false]],
  ['traceidratio', '0', 'none', [false, false, false]],
  ['traceidratio', '1', 'all', [true, true, true]],
  ['parentbased_traceidratio', '0.5', 'some', [true, false, true]],
])('%s %s: of traces that begin here %s, of others %j', (name, argument, share, parts) => {
  expect(sampling(name, argument)).toEqual([share, parts, 0]);
});

test('what is not understood is told, and everything recorded', () => {
  expect(sampling('sometimes')).toEqual(['all', [true, false, true], 1]);
  for (const argument of [undefined, '', '2', 'half']) {
    expect(sampling('traceidratio', argument)).toEqual(['all', [true, true, true], 1]);
  }
});
