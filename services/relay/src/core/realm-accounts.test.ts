import type { RealmName } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { REALM, Script, UNAVAILABLE } from '../../../../test/simulation/core-kit.ts';
import { World } from '../../../../test/simulation/world.ts';
import { Counters } from './counters.ts';
import type { Ledger, LedgerDelta, MailboxId } from './ports.ts';
import { RealmAccounts } from './realm-accounts.ts';

const TTL = 32_000;
type Args = [RealmName, readonly LedgerDelta[], number, number];

function setUp() {
  const world = new World();
  const ledger = new Script<Args, Awaited<ReturnType<Ledger['update']>>>();
  const counters = new Counters();
  const maxBytes = new Map<RealmName, number>();
  const ended: [RealmName, number][] = [];
  const accounts = new RealmAccounts({
    ledger: { update: ledger.call },
    clock: world,
    counters,
    ttlMs: TTL,
    maxBytes: (realm) => maxBytes.get(realm) ?? 1000,
    onStoredEnded: (realm, byteMs) => ended.push([realm, byteMs]),
  });
  const updated = (bytes: number, expiredMessages = 0, expiredBytes = 0) =>
    ledger.answer({ kind: 'updated', bytes, expiredMessages, expiredBytes }, world);
  const slice = Math.floor(world.now() / 1000);
  const entry = (slices = 0) => `${world.now() + slices * 1000}-0` as MailboxId;
  return { world, ledger, counters, accounts, updated, slice, entry, maxBytes, ended };
}

test('the cap counts what the ledger said and what it has not been told', async () => {
  const { accounts, entry, updated } = setUp();
  expect(accounts.hasRoom(REALM, 5000)).toBe(true);
  accounts.stored(REALM, entry(), 300);
  expect([accounts.hasRoom(REALM, 700), accounts.hasRoom(REALM, 701)]).toEqual([true, false]);
  void accounts.update();
  accounts.stored(REALM, entry(), 100);
  await updated(800);
  expect([accounts.hasRoom(REALM, 100), accounts.hasRoom(REALM, 101)]).toEqual([true, false]);
  expect(accounts.hasRoom('other' as RealmName, 5000)).toBe(true);
});

test('the cap is that of the realm, and of the moment', () => {
  const { accounts, entry, maxBytes } = setUp();
  accounts.stored(REALM, entry(), 300);
  maxBytes.set(REALM, 500);
  expect([accounts.hasRoom(REALM, 200), accounts.hasRoom(REALM, 201)]).toEqual([true, false]);
  maxBytes.set('other' as RealmName, 1);
  maxBytes.delete(REALM);
  expect([accounts.hasRoom(REALM, 700), accounts.hasRoom(REALM, 701)]).toEqual([true, false]);
});

test('tells net changes by the time of storing, and what has passed its time', async () => {
  const { accounts, entry, ledger, slice, updated } = setUp();
  accounts.stored(REALM, entry(), 300);
  accounts.stored(REALM, entry(-5), 200);
  accounts.removed(REALM, [{ entry: entry(-5), bytes: 50 }]);
  void accounts.update();
  expect(ledger.last).toEqual([
    REALM,
    [
      { slice, messages: 1, bytes: 300 },
      { slice: slice - 5, messages: 0, bytes: 150 },
    ],
    slice - 32,
    TTL + 2000,
  ]);
  void accounts.update();
  expect(ledger.calls.length).toBe(1);
  await updated(450);
});

test('a failed update is told again with what came meanwhile', async () => {
  const { accounts, entry, ledger, slice, world } = setUp();
  accounts.stored(REALM, entry(), 300);
  void accounts.update();
  accounts.stored(REALM, entry(), 200);
  await ledger.answer(UNAVAILABLE, world);
  expect([accounts.hasRoom(REALM, 500), accounts.hasRoom(REALM, 501)]).toEqual([true, false]);
  void accounts.update();
  expect(ledger.last[1]).toEqual([{ slice, messages: 2, bytes: 500 }]);
});

test('asks once for each slice what has expired, until nothing is left, and counts it', async () => {
  const { accounts, entry, ledger, counters, updated, world } = setUp();
  accounts.stored(REALM, entry(), 300);
  void accounts.update();
  await updated(300);
  void accounts.update();
  expect(ledger.calls.length).toBe(1);
  await world.run(1000, () => false);
  void accounts.update();
  await updated(0, 3);
  expect([ledger.calls.length, counters.drops.expired]).toEqual([2, 3]);
  await world.run(5000, () => false);
  void accounts.update();
  expect([ledger.calls.length, accounts.hasRoom(REALM, 5000)]).toEqual([2, true]);
});

test('evictions are counted and leave the account', () => {
  const { accounts, entry, counters } = setUp();
  accounts.stored(REALM, entry(), 900);
  accounts.evicted(REALM, [{ entry: entry(), bytes: 400 }]);
  expect([accounts.hasRoom(REALM, 500), accounts.hasRoom(REALM, 501)]).toEqual([true, false]);
  expect(counters.drops.evicted).toBe(1);
});

test('tells for how long the bytes were stored that are stored no longer, for no time below none and above all', async () => {
  const { accounts, entry, ended, updated } = setUp();
  accounts.stored(REALM, entry(-5), 200);
  accounts.removed(REALM, []);
  accounts.removed(REALM, [
    { entry: entry(-5), bytes: 50 },
    { entry: entry(-1), bytes: 2 },
  ]);
  accounts.evicted(REALM, [{ entry: entry(3), bytes: 10 }]);
  accounts.evicted(REALM, [{ entry: entry(-1000), bytes: 1 }]);
  expect(ended).toEqual([
    [REALM, 50 * 5000 + 2 * 1000],
    [REALM, 0],
    [REALM, TTL],
  ]);
  void accounts.update();
  await updated(0, 2, 30);
  expect(ended.at(-1)).toEqual([REALM, 30 * TTL]);
});
