import { expect, test } from 'vitest';
import { key, Script, UNAVAILABLE, withMethods } from '../../../../test/simulation/core-kit.ts';
import { World } from '../../../../test/simulation/world.ts';
import { createEmbeddedStore } from '../embedded/store.ts';
import type { PeerKey } from './address.ts';
import { Counters } from './counters.ts';
import type { Mailbox, MailboxId } from './ports.ts';
import { RealmAccounts } from './realm-accounts.ts';
import { Removals } from './removals.ts';

const onStoredEnded = (): void => undefined;

function setUp() {
  const world = new World();
  const { mailbox, ledger } = createEmbeddedStore();
  const remove = new Script<[PeerKey, readonly MailboxId[]], Awaited<ReturnType<Mailbox['remove']>>>();
  const accounts = new RealmAccounts({
    ledger,
    clock: world,
    counters: new Counters(),
    ttlMs: 60_000,
    maxBytes: () => 1,
    onStoredEnded,
  });
  const idle: boolean[] = [];
  const deps = { mailbox: withMethods(mailbox, { remove: remove.call }), accounts, clock: world, timers: world };
  const removals: Removals = new Removals(key('bob'), deps, () => idle.push(removals.busy));
  return { world, remove, removals, idle, run: (ms = 0) => world.run(ms, () => false) };
}

const ids = (count: number) => Array.from({ length: count }, (_, i) => `${i + 1}-0` as MailboxId);
const REMOVED = { kind: 'removed', removed: [] } as const;

test('one call at a time, with all that came up meanwhile, at most 512 of them', async () => {
  const { remove, removals, idle, run, world } = setUp();
  const [first, ...others] = ids(600) as [MailboxId, ...MailboxId[]];
  removals.add(first);
  await run();
  for (const id of others) removals.add(id);
  await run();
  expect([remove.calls.length, removals.busy]).toEqual([1, true]);
  await remove.answer(REMOVED, world);
  expect(remove.last[1]).toEqual(others.slice(0, 512));
  await remove.answer(REMOVED, world);
  expect(remove.last[1]).toEqual(others.slice(512));
  expect(idle).toEqual([]);
  await remove.answer(REMOVED, world);
  expect([idle, removals.busy]).toEqual([[false], false]);
});

test('what cannot be removed for two seconds stays, and the rest goes on', async () => {
  const { remove, removals, idle, run, world } = setUp();
  const [first, second] = ids(2) as [MailboxId, MailboxId];
  removals.add(first);
  await run();
  removals.add(second);
  for (let i = 0; i < 8; i += 1) {
    expect(remove.last[1]).toEqual([first]);
    await remove.answer(UNAVAILABLE, world);
    await run(320);
  }
  expect([remove.last[1], idle]).toEqual([[second], []]);
  await remove.answer(REMOVED, world);
  expect(idle).toEqual([false]);
});
