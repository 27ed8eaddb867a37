import type { RealmName } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { Counters, OTHER_REALMS } from './counters.ts';
import { noUsage } from './usage-account.ts';
import { REALM_SERIES, RealmSeries } from './usage-series.ts';

const REVIEW_MS = 600_000;

function setUp() {
  const counters = new Counters();
  const series = new RealmSeries(counters, 0);
  /** Messages that each realm's peers sent since the last call. */
  function add(now: number, messages: Readonly<Record<string, number>>): void {
    const traffic = Object.entries(messages).map(
      ([realm, messagesIn]) => [realm as RealmName, { ...noUsage(), messagesIn, bytesOut: 10 * messagesIn }] as const,
    );
    series.add(new Map(traffic), now);
  }
  const counts = () => Object.fromEntries(counters.realmMessagesIn);
  return { counters, add, counts };
}

const realms = (count: number, messages = 1) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`r${index}`, messages * (index + 1)]));

test('the busiest get the places that there are, everything else is counted together', () => {
  const { add, counts, counters } = setUp();
  add(1, realms(REALM_SERIES + 2));
  expect(counts()).toMatchObject({ [OTHER_REALMS]: 1 + 2, r2: 3, [`r${REALM_SERIES + 1}`]: REALM_SERIES + 2 });
  add(2, { r0: 50, r2: 4, silent: 0 });
  expect(counts()).toMatchObject({ [OTHER_REALMS]: 53, r2: 7 });
  for (const of of [counters.realmMessagesIn, counters.realmBytesOut]) expect(of.size).toBe(REALM_SERIES + 1);
  expect(counters.realmBytesOut.get('r2')).toBe(70);
});

test('a place passes on to a realm that is clearly busier, at a review; its count begins with what it carries then', () => {
  const { add, counts } = setUp();
  add(1, realms(REALM_SERIES, 100));
  add(2, { busy: 201, like: 100 });
  expect(counts()).toMatchObject({ [OTHER_REALMS]: 301, r0: 100 });
  add(REVIEW_MS, { busy: 5, r0: 1 });
  expect(counts()).toMatchObject({ [OTHER_REALMS]: 302, busy: 5 });
  expect(counts()).not.toHaveProperty('r0');
  expect(counts()).not.toHaveProperty('like');
});

test('a series only grows while it is there, and no message is in two', () => {
  const { add, counts } = setUp();
  let carried = 0;
  let gone = 0;
  let before: Record<string, number> = {};
  for (let round = 1; round < 200; round += 1) {
    const messages = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`r${index}`, ((index * 37 + round * (index % 7)) % 101) * (round % 5)]),
    );
    carried += Object.values(messages).reduce((sum, more) => sum + more, 0);
    add(round * 60_000, messages);
    const after: Record<string, number> = counts();
    for (const [realm, count] of Object.entries(before)) {
      if (realm in after) expect(after[realm]).toBeGreaterThanOrEqual(count);
      else gone += count;
    }
    before = after;
    expect(Object.keys(after).length).toBeLessThanOrEqual(REALM_SERIES + 1);
  }
  expect(Object.values(before).reduce((sum, count) => sum + count, 0) + gone).toBe(carried);
});

test('the next meter of the process goes on with the series there are', () => {
  const { add, counts, counters } = setUp();
  add(1, realms(REALM_SERIES));
  new RealmSeries(counters, 2).add(new Map([['r1' as RealmName, { ...noUsage(), messagesIn: 5 }]]), 3);
  expect(counts()).toMatchObject({ r1: 7 });
});
