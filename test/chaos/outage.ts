import type { History } from './history.ts';

/**
 * The longest time, in milliseconds, for which a client had messages under way and no outcome came for any of them.
 * `until` is the end of the history: what has no outcome then still waits.
 */
export function longestOutage({ sent, outcomes }: Pick<History, 'sent' | 'outcomes'>, until: number): number {
  let longest = 0;
  let since = 0;
  let underWay = 0;
  let next = 0;
  for (const { at } of outcomes) {
    for (let one = sent[next]; one !== undefined && one.at <= at; one = sent[next]) {
      if (underWay === 0) since = one.at;
      underWay += 1;
      next += 1;
    }
    longest = Math.max(longest, at - since);
    since = at;
    underWay -= 1;
  }
  if (underWay === 0 && next < sent.length) since = (sent[next] as { at: number }).at;
  return sent.length > outcomes.length ? Math.max(longest, until - since) : longest;
}
