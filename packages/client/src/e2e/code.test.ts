import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors.ts';
import { editDistance, formatCode, parseCode, randomWords } from './code.ts';
import { WORDS } from './words.ts';

describe('room codes', () => {
  it('are read as they were written', () => {
    const words = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 6 });
    const locators = fc.integer({ min: 0, max: 1e9 }).map(String);
    fc.assert(
      fc.property(locators, words, (locator, words) => {
        expect(parseCode(formatCode(locator, words))).toEqual({ locator, words });
      }),
    );
  });

  it('are read as people type them', () => {
    const code = { locator: '4821', words: ['copper', 'violin', 'lake'] };
    const typed = [
      '4821-Copper-VIOLIN-lake',
      ' 4821 copper  violin lake\n',
      '4821, copper. violin_lake',
      '4821–copper—violin-lake-',
    ];
    expect(typed.map(parseCode)).toEqual(typed.map(() => code));
  });

  it.each([
    ['4821-coper-violin', '"coper" is no word of a room code: copper?'],
    ['4821-violni', '"violni" is no word of a room code: violin?'],
    [`4821-${'lake'.repeat(5000)}`, /: [a-z]+\?$/],
    ['4821', 'the room code 4821 has no words behind its digits'],
    ['copper-violin', 'a room code begins with digits, like 4821-copper-violin'],
    ['', 'a room code begins with digits'],
  ])('are refused with what is wrong: %.20s', (code, message) => {
    expect(() => parseCode(code)).toThrow(message);
    expect(() => parseCode(code)).toThrow(UsageError);
  });

  it('get words of the whole list, evenly', () => {
    const counts = new Map<string, number>();
    for (const word of randomWords(1296 * 40)) counts.set(word, (counts.get(word) ?? 0) + 1);
    expect(counts.size).toBe(1296);
    // 40 of each on average with a deviation of 6.3: beyond 9 deviations is no chance any more.
    expect(Math.max(...counts.values())).toBeLessThan(100);
    expect(randomWords(3).length).toBe(3);
  });
});

describe('editDistance', () => {
  it('counts what has to be done', () => {
    const pairs = [
      ['', 'abc', 3],
      ['copper', 'copper', 0],
      ['coper', 'copper', 1],
      ['copepr', 'copper', 1],
      ['kitten', 'sitting', 3],
    ] as const;
    for (const [a, b, distance] of pairs) {
      expect([editDistance(a, b), editDistance(b, a)]).toEqual([distance, distance]);
    }
  });
});
