/** What `k6 run -e NAME=value` says. */

function given(name: string): string | undefined {
  const value = __ENV[name];
  return value === '' ? undefined : value;
}

/** @throws Error for what is no number above 0, or below 0 */
export function numberOf(name: string, standard: number): number {
  const text = given(name);
  if (text === undefined) return standard;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new Error(`${name} cannot be ${JSON.stringify(text)}`);
  return value;
}

export function textOf(name: string, standard: string): string {
  return given(name) ?? standard;
}

/** One of the words. @throws Error for any other */
export function oneOf<T extends string>(name: string, words: readonly [T, ...T[]]): T {
  const text = given(name);
  if (text === undefined) return words[0];
  const word = words.find((one) => one === text);
  if (word === undefined) throw new Error(`${name} is one of ${words.join(', ')}, not ${JSON.stringify(text)}`);
  return word;
}

/** Public URLs of the relays, without the path. */
export const URLS: readonly string[] = textOf('URLS', 'ws://127.0.0.1:7070')
  .split(',')
  .map((url) => url.trim().replace(/\/+$/, ''));

/** The relay of this index, and from the first again behind the last. */
export function urlOf(index: number): string {
  return URLS[index % URLS.length] as string;
}

export const REALM = textOf('REALM', 'default');
/** Keeps the peers of one run apart from those of another. */
export const RUN = textOf('RUN', 'k6');
/** Runtimes of JavaScript, each with its share of the peers: about one for a core that k6 may have. */
export const VUS = numberOf('VUS', 2);
/** How long is waited at the end for what is under way, seconds. */
export const SETTLE_SECONDS = numberOf('SETTLE', 15);
