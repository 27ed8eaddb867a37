import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ledger } from './ledger.ts';

function ledgerOf(numbers: readonly number[]) {
  const ledger = new Ledger();
  const fresh = numbers.map((number) => ledger.add(number));
  return { fresh, distinct: ledger.distinct, duplicates: ledger.duplicates, outOfOrder: ledger.outOfOrder };
}

describe('Ledger', () => {
  it.each([
    ['in order', [0, 1, 2], { distinct: 3, duplicates: 0, outOfOrder: 0 }],
    ['with a gap', [0, 2, 3], { distinct: 3, duplicates: 0, outOfOrder: 0 }],
    ['with a gap filled late', [0, 2, 3, 1], { distinct: 4, duplicates: 0, outOfOrder: 1 }],
    ['repeated', [0, 1, 1, 0], { distinct: 2, duplicates: 2, outOfOrder: 0 }],
    ['repeated above a gap', [2, 2], { distinct: 1, duplicates: 1, outOfOrder: 0 }],
    ['backwards', [2, 1, 0], { distinct: 3, duplicates: 0, outOfOrder: 2 }],
  ])('keeps the books on numbers %s', (_what, numbers, expected) => {
    expect(ledgerOf(numbers)).toMatchObject(expected);
  });

  it('agrees with a set for any numbers', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30)), (numbers) => {
        const { fresh, distinct, duplicates } = ledgerOf(numbers);
        expect(fresh).toEqual(numbers.map((number, index) => numbers.indexOf(number) === index));
        expect(distinct).toBe(new Set(numbers).size);
        expect(duplicates).toBe(numbers.length - distinct);
      }),
    );
  });
});
