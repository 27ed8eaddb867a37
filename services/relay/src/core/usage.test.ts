import type { PeerId, RealmName } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { A, keptLog, REALM, Script, UNAVAILABLE } from '../../../../test/simulation/core-kit.ts';
import { World } from '../../../../test/simulation/world.ts';
import { createEmbeddedCluster } from '../embedded/cluster.ts';
import { createEmbeddedStore } from '../embedded/store.ts';
import { Counters } from './counters.ts';
import type { Usage, UsageBooks } from './shared-ports.ts';
import { HOUR_MS, UsageMeter, type UsageMeterDeps } from './usage.ts';
import { MAX_PAGES, OTHER_PEERS, PEERS_PER_HOUR } from './usage-pages.ts';

const ALICE = 'alice' as PeerId;
const FLUSH_MS = 5000;
const ADDED = { kind: 'added' } as const;
type Add = UsageBooks['add'];

/** A meter whose books a test answers. The world begins 26 minutes and 40 seconds after a full hour. */
function setUp(changes: Partial<UsageMeterDeps> = {}) {
  const world = new World();
  const add = new Script<Parameters<Add>, Awaited<ReturnType<Add>>>();
  const counters = new Counters();
  const log = keptLog();
  const meter = new UsageMeter({
    ...{ node: A, clock: world, timers: world, counters, log, perPeer: false, flushMs: FLUSH_MS, keepMs: 24 * HOUR_MS },
    books: { add: add.call } as unknown as UsageBooks,
    ...changes,
  });
  meter.start();
  const run = (ms: number) => world.run(ms, () => false);
  /** The last call: realm, hour, sequence and what is not 0; with the peers if there are any. */
  const told = () => {
    const [realm, hour, { sequence }, usage, peers] = add.last;
    const byPeer = Object.fromEntries([...peers].map(([peer, amounts]) => [peer, some(amounts)]));
    return [realm, hour, sequence, some(usage), ...(peers.size > 0 ? [byPeer] : [])];
  };
  const hour = Math.floor(world.now() / HOUR_MS);
  return { world, add, counters, log, meter, run, told, hour, answer: () => add.answer(ADDED, world) };
}

const some = (usage: Usage) => Object.fromEntries(Object.entries(usage).filter(([, amount]) => amount !== 0));

function traffic(meter: UsageMeter, messages = 1, peer = ALICE, realm = REALM): void {
  const account = meter.account(realm, peer);
  account.messagesIn += messages;
  account.bytesIn += 10 * messages;
}

test('writes what is new every few seconds, and nothing when nothing is', async () => {
  const { meter, run, told, hour, answer, add, world } = setUp();
  const account = meter.account(REALM, ALICE);
  account.hold();
  account.messagesIn += 2;
  account.bytesIn += 20;
  await run(FLUSH_MS);
  expect(told()).toEqual([REALM, hour, 1, { messagesIn: 2, bytesIn: 20 }]);
  await answer();
  await run(FLUSH_MS);
  account.messagesOut += 1;
  account.bytesOut += 7;
  expect(add.calls).toHaveLength(1);
  await run(FLUSH_MS);
  expect(told()).toEqual([REALM, hour, 2, { messagesOut: 1, bytesOut: 7 }]);
  await add.answer(ADDED, world);
});

test('a call without an answer is repeated as it was, and newer amounts wait behind it', async () => {
  const { meter, run, told, hour, answer, add, world, counters } = setUp();
  traffic(meter);
  await run(FLUSH_MS);
  await add.answer(UNAVAILABLE, world);
  traffic(meter, 5);
  await run(FLUSH_MS);
  traffic(meter, 7);
  expect([add.calls.length, told()]).toEqual([2, [REALM, hour, 1, { messagesIn: 1, bytesIn: 10 }]]);
  await run(FLUSH_MS);
  expect(add.calls).toHaveLength(2);
  await answer();
  expect([add.calls.length, told()]).toEqual([3, [REALM, hour, 2, { messagesIn: 12, bytesIn: 120 }]]);
  await answer();
  expect(counters.usageWrites).toEqual({ added: 2, unanswered: 1, given_up: 0 });
});

/** A meter over books in memory. */
function booked(changes: Partial<UsageMeterDeps> = {}, world = new World()) {
  const { usage: books } = createEmbeddedStore(createEmbeddedCluster(() => world.now()));
  const counters = new Counters();
  const own = { node: A, clock: world, timers: world, counters, log: keptLog(), perPeer: false, flushMs: FLUSH_MS };
  const meter = new UsageMeter({ ...own, keepMs: 24 * HOUR_MS, books, ...changes });
  meter.start();
  const hour = Math.floor(world.now() / HOUR_MS);
  const run = (ms: number) => world.run(ms, () => false);
  async function sums(at = hour, realm = REALM): Promise<[string | null, Partial<Usage>][]> {
    const reply = await books.read(realm, at, true);
    return 'records' in reply ? reply.records.map(({ peer, usage }) => [peer, some(usage)]) : [];
  }
  return { world, books, meter, counters, hour, run, sums };
}

test('connection time counts for each open connection, in the hours in which it passed', async () => {
  const { world, meter, run, sums, hour } = booked();
  await run(HOUR_MS - (world.now() % HOUR_MS) - 7000);
  const account = meter.account(REALM, ALICE);
  account.open();
  account.open();
  await run(4000);
  account.close();
  await run(5000);
  account.close();
  await run(60_000);
  expect(await sums()).toEqual([[null, { connectionMs: 2 * 4000 + 3000 }]]);
  expect(await sums(hour + 1)).toEqual([[null, { connectionMs: 2000 }]]);
});

test('a clock that goes back adds no time, and opens no earlier hour', async () => {
  const world = new World();
  let back = 0;
  const { meter, run, sums, hour } = booked({ clock: { now: () => world.now() - back } }, world);
  await run(HOUR_MS);
  const account = meter.account(REALM, ALICE);
  account.open();
  await run(3000);
  back = HOUR_MS;
  await run(2000);
  account.messagesIn += 1;
  account.close();
  await run(10_000);
  expect(await sums(hour)).toEqual([]);
  expect(await sums(hour + 1)).toEqual([[null, { messagesIn: 1 }]]);
});

test('byte-seconds of mailboxes add up before they are rounded down, also without anybody connected', async () => {
  const { meter, run, sums } = booked();
  meter.account(REALM, ALICE).hold();
  for (let times = 0; times < 3; times += 1) {
    meter.stored(REALM, 2700);
    await run(FLUSH_MS);
  }
  expect(await sums()).toEqual([[null, { storedByteSeconds: 8 }]]);
  meter.stored('quiet' as RealmName, 5000);
  await run(FLUSH_MS);
  expect(await sums(undefined, 'quiet' as RealmName)).toEqual([[null, { storedByteSeconds: 5 }]]);
});

test('who is held by somebody keeps the account, who is not is forgotten with nothing lost', async () => {
  const { meter, run, sums } = booked();
  const account = meter.account(REALM, ALICE);
  account.hold();
  await run(FLUSH_MS);
  expect(meter.account(REALM, ALICE)).toBe(account);
  account.messagesOut += 1;
  account.release();
  await run(FLUSH_MS);
  expect([...meter.accounts()]).toEqual([]);
  expect(meter.account(REALM, ALICE)).not.toBe(account);
  expect(await sums()).toEqual([[null, { messagesOut: 1 }]]);
});

test('peers are told apart if asked for, up to a number, and the rest is under one name', async () => {
  const { meter, run, sums } = booked({ perPeer: true });
  const peers = Array.from({ length: PEERS_PER_HOUR }, (_, index) => `peer-${index}` as PeerId);
  for (const peer of peers) traffic(meter, 1, peer);
  await run(FLUSH_MS);
  traffic(meter, 1, 'late-1' as PeerId);
  traffic(meter, 2, 'late-2' as PeerId);
  traffic(meter, 4, 'peer-7' as PeerId);
  await run(FLUSH_MS);
  const found = new Map(await sums());
  expect(found.get(null)).toEqual({ messagesIn: PEERS_PER_HOUR + 7, bytesIn: 10 * (PEERS_PER_HOUR + 7) });
  expect([found.size, found.get('peer-7')]).toEqual([PEERS_PER_HOUR + 2, { messagesIn: 5, bytesIn: 50 }]);
  expect(found.get(OTHER_PEERS)).toEqual({ messagesIn: 3, bytesIn: 30 });
});

test('without being asked for, peers are in the sum of their realm only', async () => {
  const { meter, run, sums } = booked();
  traffic(meter);
  await run(FLUSH_MS);
  expect(await sums()).toEqual([[null, { messagesIn: 1, bytesIn: 10 }]]);
});

test('a stop writes all that has come until then', async () => {
  const { world, meter, sums, run } = booked();
  await run(1000);
  const account = meter.account(REALM, ALICE);
  account.open();
  traffic(meter, 3);
  await run(1500);
  await meter.stop();
  expect(await sums()).toEqual([[null, { messagesIn: 3, bytesIn: 30, connectionMs: 1500 }]]);
  expect(world.pending).toBe(0);
});

test('a stop waits for the call that is under way, and for what came meanwhile', async () => {
  const { meter, run, told, answer, hour } = setUp();
  traffic(meter);
  await run(FLUSH_MS);
  traffic(meter, 5);
  traffic(meter, 6, ALICE, 'other' as RealmName);
  let stopped = false;
  void meter.stop().then(() => {
    stopped = true;
  });
  await run(0);
  await answer();
  expect([stopped, told()]).toEqual([false, [REALM, hour, 2, { messagesIn: 5, bytesIn: 50 }]]);
  await answer();
  expect([stopped, told()]).toEqual([false, ['other', hour, 3, { messagesIn: 6, bytesIn: 60 }]]);
  await answer();
  expect(stopped).toBe(true);
});

test('a stop gives up when the store stays away, and says so', async () => {
  const books = { add: async () => UNAVAILABLE } as unknown as UsageBooks;
  const { meter, run, log, counters } = setUp({ books });
  traffic(meter);
  let stopped = false;
  void meter.stop().then(() => {
    stopped = true;
  });
  await run(500);
  expect(stopped).toBe(false);
  await run(1500);
  expect([stopped, log.lines.length, counters.usageWrites.given_up]).toEqual([true, 1, 1]);
});

test('while the store is away what is kept is bounded, and the oldest goes first', async () => {
  let isAway = true;
  const calls: [RealmName, number, number][] = [];
  const add: Add = async (realm, hour, _, { messagesIn }) => {
    if (isAway) return UNAVAILABLE;
    calls.push([realm, hour, messagesIn]);
    return ADDED;
  };
  const { meter, run, counters } = setUp({ books: { add } as unknown as UsageBooks, keepMs: 2 * HOUR_MS });
  const realms = Array.from({ length: MAX_PAGES + 10 }, (_, index) => `r${index}` as RealmName);
  for (const realm of realms) traffic(meter, 1, ALICE, realm);
  await run(FLUSH_MS);
  expect(counters.usageWrites.given_up).toBe(10);
  isAway = false;
  await run(FLUSH_MS);
  expect([calls.length, calls[0]?.[0]]).toEqual([MAX_PAGES, 'r10']);
  isAway = true;
  traffic(meter);
  await run(4 * HOUR_MS);
  expect(counters.usageWrites.given_up).toBe(11);
});

test('while a part of the store is away, what the others have is written', async () => {
  const written = new Set<RealmName>();
  const realms = Array.from({ length: 100 }, (_, index) => `r${index}` as RealmName);
  const add: Add = async (realm) => {
    if (realm === 'r0') return UNAVAILABLE;
    written.add(realm);
    return ADDED;
  };
  const { meter, run } = setUp({ books: { add } as unknown as UsageBooks });
  for (const realm of realms) traffic(meter, 1, ALICE, realm);
  await run(FLUSH_MS);
  expect(written.size).toBe(99);
});

test('a stopping node waits once for the part of the store that is away, and not once for each of its realms', async () => {
  const { world, meter, run } = setUp({
    books: {
      add: async (realm: RealmName) => {
        if (Number(realm.slice(1)) % 2 === 0) return ADDED;
        await world.sleep(1000);
        return UNAVAILABLE;
      },
    } as unknown as UsageBooks,
  });
  for (let index = 0; index < 500; index += 1) traffic(meter, 1, ALICE, `r${index}` as RealmName);
  let stopped = false;
  void meter.stop().then(() => {
    stopped = true;
  });
  await run(2100);
  expect(stopped).toBe(true);
});

test('what has been written makes room first: many realms take nothing from one that is in use', async () => {
  const { meter, run, counters, sums } = booked({ perPeer: true });
  traffic(meter);
  for (let index = 1; index < MAX_PAGES; index += 1) traffic(meter, 1, ALICE, `r${index}` as RealmName);
  await run(FLUSH_MS);
  traffic(meter);
  for (let index = 0; index < 10; index += 1) traffic(meter, 1, ALICE, `more${index}` as RealmName);
  await run(FLUSH_MS);
  expect([counters.usageWrites.given_up, new Map(await sums()).get(null)]).toEqual([0, { messagesIn: 2, bytesIn: 20 }]);
});
