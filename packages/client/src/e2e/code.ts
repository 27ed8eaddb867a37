import { UsageError } from '../errors.ts';
import { WORDS } from './words.ts';

const SEPARATORS = /[\s\-_.,\u2010-\u2015]+/;
const LOCATOR = /^\d+$/;
/** The values of 16 bits that are shared out evenly among the words; one above is drawn again. */
const EVEN_VALUES = 2 ** 16 - (2 ** 16 % WORDS.length);
const KNOWN: ReadonlySet<string> = new Set(WORDS);

/** What people tell each other to meet in a room. Only the locator goes to the relay. */
export interface RoomCode {
  /** Digits. */
  readonly locator: string;
  readonly words: readonly string[];
}

/** Words for a new code, each as likely as any other: 10.3 bits a word. */
export function randomWords(count: number): string[] {
  const words: string[] = [];
  const draw = new Uint16Array(1);
  while (words.length < count) {
    const [value = 0] = crypto.getRandomValues(draw);
    const word = value < EVEN_VALUES ? WORDS[value % WORDS.length] : undefined;
    if (word !== undefined) words.push(word);
  }
  return words;
}

/** Like `4821-copper-violin-lake`. */
export function formatCode(locator: string, words: readonly string[]): string {
  return [locator, ...words].join('-');
}

/**
 * Reads a code as people type it: in any case, with hyphens, spaces, dots or commas between the words.
 * @throws UsageError `bad_code`, with the nearest word where one is not on the list
 */
export function parseCode(code: string): RoomCode {
  const [locator = '', ...words] = code
    .toLowerCase()
    .split(SEPARATORS)
    .filter((part) => part !== '');
  if (!LOCATOR.test(locator))
    throw new UsageError('bad_code', 'a room code begins with digits, like 4821-copper-violin');
  if (words.length === 0) throw new UsageError('bad_code', `the room code ${locator} has no words behind its digits`);
  for (const word of words) {
    if (KNOWN.has(word)) continue;
    throw new UsageError('bad_code', `${JSON.stringify(word)} is no word of a room code: ${nearestWord(word)}?`);
  }
  return { locator, words };
}

function nearestWord(wrong: string): string {
  let nearest = '';
  let least = Number.POSITIVE_INFINITY;
  // Nothing on the list is longer, so what lies beyond cannot make another word the nearest one.
  const typed = wrong.slice(0, 2 * 7);
  for (const word of WORDS) {
    const distance = editDistance(typed, word);
    if (distance < least) [nearest, least] = [word, distance];
  }
  return nearest;
}

/** Letters to insert, leave out, replace, or swap with their neighbour, to make one word of the other. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (beforeLast[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] ?? 0;
}
