import { describe, expect, it } from 'vitest';
import { editDistance } from './code.ts';
import { WORDS } from './words.ts';

describe('the words of room codes', () => {
  it('are 1296, sorted, of 3 to 7 letters', () => {
    expect(WORDS.length).toBe(1296);
    expect(WORDS.filter((word) => !/^[a-z]{3,7}$/.test(word))).toEqual([]);
    expect(WORDS).toEqual([...new Set(WORDS)].sort());
  });

  it('are known by their first four letters, and none begins with another', () => {
    expect(new Set(WORDS.map((word) => word.slice(0, 4))).size).toBe(WORDS.length);
    const all = new Set(WORDS);
    const begun = WORDS.filter((word) =>
      [3, 4, 5, 6].some((length) => length < word.length && all.has(word.slice(0, length))),
    );
    expect(begun).toEqual([]);
  });

  it('do not become each other by one slip: a letter too many, too few, another or swapped', () => {
    const near = WORDS.flatMap((word, at) =>
      WORDS.slice(at + 1)
        .filter((other) => Math.abs(other.length - word.length) < 2 && editDistance(word, other) < 2)
        .map((other) => `${word} ${other}`),
    );
    expect(near).toEqual([]);
  }, 60_000);
});
