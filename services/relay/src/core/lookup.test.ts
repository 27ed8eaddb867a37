import { SendFlag } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { settings } from '../../../../test/simulation/cluster.ts';
import { A, B, key, message, REALM, Script, UNAVAILABLE, withMethods } from '../../../../test/simulation/core-kit.ts';
import { World } from '../../../../test/simulation/world.ts';
import { createEmbeddedStore } from '../embedded/store.ts';
import { Counters } from './counters.ts';
import { Lookup, type LookupResult } from './lookup.ts';
import type { Directory, LocateReply, MailboxId } from './ports.ts';
import { RealmAccounts } from './realm-accounts.ts';

const ENTRY = '1750000000000-0' as MailboxId;

const onStoredEnded = (): void => undefined;

function setUp(maxBytes = 1_000_000) {
  const world = new World();
  const counters = new Counters();
  const { directory, ledger } = createEmbeddedStore();
  const locate = new Script<Parameters<Directory['locateOrStore']>, LocateReply>();
  const accounts = new RealmAccounts({
    ledger,
    clock: world,
    counters,
    ttlMs: 60_000,
    maxBytes: () => maxBytes,
    onStoredEnded,
  });
  let writes = 0;
  const lookup = new Lookup({
    settings: settings(A),
    clock: world,
    timers: world,
    counters,
    directory: withMethods(directory, { locateOrStore: locate.call }),
    accounts,
    nextWrite: () => ++writes,
    tracer: null,
  });
  const results: LookupResult[] = [];
  const run = (...ids: Parameters<typeof message>[0][]) =>
    lookup.run(key('bob'), ids.map(message), (result) => results.push(result));
  return { world, counters, locate, accounts, results, run };
}

const stored = (...entries: string[]): LocateReply => ({
  kind: 'stored',
  count: entries.length,
  entries: entries as MailboxId[],
  evicted: [],
});

test('answers the location, having asked under one sequence until there was an answer', async () => {
  const { locate, results, run, world, counters } = setUp();
  run({ id: 1 });
  await locate.answer(UNAVAILABLE, world);
  await world.run(20, () => false);
  expect(locate.calls.map(([, writer]) => writer)).toEqual([
    { node: A, sequence: 1 },
    { node: A, sequence: 1 },
  ]);
  await locate.answer({ kind: 'located', location: { node: B, epoch: 5 } }, world);
  expect(results).toEqual([{ kind: 'located', location: { node: B, epoch: 5 } }]);
  expect(counters.lookups).toBe(2);
});

test('says what was stored, of what it tried to store, and accounts for it', async () => {
  const { locate, results, run, world, accounts, counters } = setUp(1000);
  run({ id: 1 }, { id: 2, flags: SendFlag.noStore }, { id: 3 });
  expect(locate.last[2].map(({ id }) => id)).toEqual([1, 3]);
  await locate.answer(stored(ENTRY), world);
  const [result] = results as [LookupResult & { kind: 'stored' }];
  expect([...result.entries].map(([one, entry]) => [one.id, entry])).toEqual([[1, ENTRY]]);
  expect([...result.attempted].map(({ id }) => id)).toEqual([1, 3]);
  expect([accounts.hasRoom(REALM, 982), accounts.hasRoom(REALM, 983)]).toEqual([true, false]);
  expect([counters.messages.mailbox, counters.bytes.mailbox]).toEqual([1, 5]);
});

test('what comes behind a message that has no room in the realm is not stored either', async () => {
  const { locate, run, accounts } = setUp(1000);
  accounts.stored(REALM, ENTRY, 900);
  run({ id: 1 }, { id: 2, payload: new Uint8Array(500) }, { id: 3 });
  expect(locate.last[2].map(({ id }) => id)).toEqual([1]);
});

test('evictions are counted', async () => {
  const { locate, run, world, counters } = setUp();
  run({ id: 1 });
  await locate.answer({ ...stored(ENTRY), evicted: [{ entry: ENTRY, bytes: 9 }] } as LocateReply, world);
  expect(counters.drops.evicted).toBe(1);
});

test('fails when there was no answer for two seconds', async () => {
  const { locate, results, run, world } = setUp();
  run({ id: 1 });
  for (let i = 0; i < 8; i += 1) {
    expect(results).toEqual([]);
    await locate.answer(UNAVAILABLE, world);
    await world.run(320, () => false);
  }
  expect([results, locate.open]).toEqual([[{ kind: 'failed' }], 0]);
});
