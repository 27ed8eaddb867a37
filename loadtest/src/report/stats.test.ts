import { describe, expect, it } from 'vitest';
import { formatNumber, formatSpread, groupBy, spread } from './stats.ts';

describe('spread', () => {
  it.each([
    [[], null],
    [[7], { median: 7, min: 7, max: 7 }],
    [[10, 9, 1], { median: 9, min: 1, max: 10 }],
    [[4, 100, 2, 8], { median: 6, min: 2, max: 100 }],
  ])('of %j is %j', (values, expected) => {
    expect(spread(values)).toEqual(expected);
  });
});

describe('formatNumber', () => {
  it.each([
    [0, '0'],
    [0.29831, '0.298'],
    [5.678, '5.68'],
    [41.26, '41.3'],
    [123_456.7, '123,457'],
  ])('writes %d as %s', (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });
});

it('formatSpread shows a range only where there is one', () => {
  expect(formatSpread({ median: 2, min: 1, max: 3 })).toBe('2.00 (1.00 to 3.00)');
  expect(formatSpread({ median: 2, min: 2, max: 2 })).toBe('2.00');
  expect(formatSpread(null)).toBe('-');
});

it('groupBy keeps the order of first appearance', () => {
  expect([...groupBy(['b1', 'a1', 'b2'], (text) => text.slice(0, 1))]).toEqual([
    ['b', ['b1', 'b2']],
    ['a', ['a1']],
  ]);
});
