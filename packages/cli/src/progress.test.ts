import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { fit, progressLine, Rate } from './progress.ts';

describe('progressLine', () => {
  it('shows how far it is, how fast it goes and how long it takes', () => {
    const state = { name: 'report.pdf', bytes: 12_000_000, total: 48_000_000, perSecond: 3_000_000 };
    expect(progressLine(state, 100)).toBe(
      'report.pdf  [######------------------]   25 %  12 MB of 48 MB  3 MB/s  12 s left',
    );
    expect(progressLine(state, 70)).toBe('report.pdf   25 %  12 MB of 48 MB  3 MB/s  12 s left');
    expect(progressLine({ ...state, name: 'a very long name' }, 50)).toBe(
      'a very …   25 %  12 MB of 48 MB  3 MB/s  12 s left',
    );
    expect(progressLine(state, 30)).toBe(' 25 %  12 MB of 48 MB  3 MB/s…');
  });

  it('knows no end of what has none, and no rate before there is one', () => {
    expect(progressLine({ name: 'stdin', bytes: 1000, total: null, perSecond: null }, 80)).toBe('stdin  1 KB');
    expect(progressLine({ name: 'stdin', bytes: 1000, total: null, perSecond: 10 }, 80)).toBe('stdin  1 KB  10 B/s');
    expect(progressLine({ name: 'empty', bytes: 0, total: 0, perSecond: 0 }, 60)).toContain('100 %  0 B of 0 B  0 B/s');
  });

  it('fits into any terminal', () => {
    const state = fc.record({
      name: fc.string({ unit: 'grapheme' }),
      bytes: fc.nat(),
      total: fc.option(fc.nat()),
      perSecond: fc.option(fc.nat()),
    });
    fc.assert(
      fc.property(state, fc.integer({ min: 2, max: 200 }), (progress, columns) => {
        expect(stringWidth(progressLine(progress, columns))).toBeLessThanOrEqual(columns);
      }),
    );
  });
});

it('fit counts columns, not characters', () => {
  expect(fit('世界の友人', 10)).toBe('世界の友人');
  expect(fit('世界の友人', 9)).toBe('世界の友…');
});

it('Rate looks back some seconds', () => {
  const rate = new Rate();
  expect(rate.perSecond(0, 0)).toBeNull();
  for (let at = 0; at <= 5000; at += 250) rate.add(at, at * 100);
  expect(rate.perSecond(5000, 500_000)).toBe(100_000);
  for (let at = 5250; at <= 10_000; at += 250) rate.add(at, 500_000);
  expect(rate.perSecond(10_000, 500_000)).toBe(0);
  expect(rate.perSecond(10_100, 1_010_000)).toBe(100_000);
});
