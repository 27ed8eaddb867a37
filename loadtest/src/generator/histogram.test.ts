import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram } from './histogram.ts';

describe('Histogram', () => {
  it('has no quantiles while it is empty', () => {
    expect(new Histogram().quantile(0.5)).toBeNull();
  });

  it('is exact for small values and counts negative ones as 0', () => {
    const histogram = new Histogram();
    for (const value of [-5, 1, 2, 3, 63]) histogram.record(value);
    expect([0.2, 0.4, 0.5, 0.8, 1].map((q) => histogram.quantile(q))).toEqual([0, 1, 2, 3, 63]);
    expect(histogram.total).toBe(5);
  });

  it('gives every quantile of any values to within 1/64', () => {
    const values = fc.array(fc.integer({ min: 0, max: 2 ** 37 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(values, fc.double({ min: 0.001, max: 1, noNaN: true }), (recorded, q) => {
        const histogram = new Histogram();
        for (const value of recorded) histogram.record(value);
        const sorted = [...recorded].sort((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] as number;
        expect(Math.abs((histogram.quantile(q) as number) - exact)).toBeLessThanOrEqual(exact / 64);
      }),
    );
  });

  it('counts what is beyond its range in its last bucket', () => {
    const histogram = new Histogram();
    histogram.record(1e15);
    expect(histogram.quantile(0.5)).toBeGreaterThan(2 ** 37);
  });
});
