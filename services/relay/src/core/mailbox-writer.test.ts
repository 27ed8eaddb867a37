import { ReceiptStatus, SendFlag } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import { settings } from '../../../../test/simulation/cluster.ts';
import { A, B, key, message, REALM, Script, UNAVAILABLE, withMethods } from '../../../../test/simulation/core-kit.ts';
import { World } from '../../../../test/simulation/world.ts';
import { createEmbeddedStore } from '../embedded/store.ts';
import { Backlog } from './backlog.ts';
import { Counters } from './counters.ts';
import { MailboxWriter } from './mailbox-writer.ts';
import type { HandedOver, Mailbox, MailboxId, OwnerAppendReply } from './ports.ts';
import { RealmAccounts } from './realm-accounts.ts';
import { Receipts } from './receipts.ts';
import { Refusals } from './refusals.ts';
import { Window } from './window.ts';

const OVER: HandedOver = { next: { node: B, epoch: 9 }, owner: { node: B, epoch: 9 }, watchers: [] };

const onStoredEnded = (): void => undefined;

function setUp(maxBytes = 1_000_000) {
  const world = new World();
  const counters = new Counters();
  const refusals = new Refusals();
  const events: unknown[] = [];
  const { mailbox, ledger } = createEmbeddedStore();
  const append = new Script<Parameters<Mailbox['append']>, OwnerAppendReply>();
  const accounts = new RealmAccounts({
    ledger,
    clock: world,
    counters,
    ttlMs: 60_000,
    maxBytes: () => maxBytes,
    onStoredEnded,
  });
  const backlog = new Backlog();
  const window = new Window(1000, 1_000_000);
  let writes = 0;
  let onReceipt = (): void => undefined;
  const receipts = new Receipts({
    ...{ self: A, clock: world, counters, refusals },
    toSession: (_session, id, status) => {
      events.push(['receipt', id, status]);
      onReceipt();
    },
    toNode: () => undefined,
  });
  const writer: MailboxWriter = new MailboxWriter(
    key('bob'),
    () => ({ node: A, epoch: 5 }),
    backlog,
    {
      onStored: ({ message: { id } }, entry) => events.push(['stored', id, entry]),
      onEnded: (handedOver) => events.push(['ended', handedOver.next?.node, writer.busy]),
      onLost: (owner, unwritten) => events.push(['lost', owner, unwritten.map(({ message: { id } }) => id)]),
      onIdle: () => events.push(['idle', writer.busy]),
    },
    {
      ...{ settings: settings(A), clock: world, timers: world, counters, receipts, refusals, accounts },
      mailbox: withMethods(mailbox, { append: append.call }),
      nextWrite: () => ++writes,
      tracer: null,
    },
  );
  const push = (...ids: number[]) => {
    for (const id of ids) backlog.push(message({ id }));
  };
  /** Puts deliveries in front that were unacknowledged for too long. */
  const spill = (...ids: number[]) =>
    backlog.unshift(ids.map((id) => ({ message: message({ id }), delivery: window.add(message({ id }), '', 1, 0) })));
  const fail = async (times: number) => {
    for (let i = 0; i < times; i += 1) {
      await append.answer(UNAVAILABLE, world);
      await world.run(320, () => false);
    }
  };
  return {
    ...{ world, counters, refusals, events, append, accounts, backlog, window, writer, push, spill, fail },
    answer: (reply: OwnerAppendReply) => append.answer(reply, world),
    written: () => append.last[3].map(({ id, again }) => (again ? `${id} again` : id)),
    onReceipt: (call: () => void) => {
      onReceipt = call;
    },
  };
}

const stored = (count: number, handedOver: HandedOver | null = null): OwnerAppendReply => ({
  kind: 'stored',
  count,
  entries: Array.from({ length: count }, (_, i) => `${1_750_000_000_000 + i}-0` as MailboxId),
  evicted: [],
  handedOver,
});

describe('writing', () => {
  test('takes the head of the backlog, in order, and tells what is stored where before it is idle', async () => {
    const { writer, push, spill, answer, append, written, events, counters } = setUp();
    push(2, 3);
    spill(1);
    writer.write(false, '');
    expect([writer.busy, written(), append.last[5]]).toEqual([true, ['1 again', 2, 3], null]);
    await answer(stored(3));
    expect(events).toEqual([
      ['stored', 1, '1750000000000-0'],
      ['stored', 2, '1750000000001-0'],
      ['stored', 3, '1750000000002-0'],
      ['idle', false],
    ]);
    expect([counters.messages.mailbox, counters.bytes.mailbox]).toEqual([3, 15]);
  });

  test('takes at most 128 messages and about 256 KiB', () => {
    const { writer, push, written, backlog } = setUp();
    push(...Array.from({ length: 130 }, (_, i) => i));
    writer.write(true, '');
    expect([written().length, backlog.length]).toEqual([128, 2]);
    const other = setUp();
    for (const id of [1, 2, 3]) other.backlog.push(message({ id, payload: new Uint8Array(200 * 1024) }));
    other.writer.write(false, '');
    expect(other.written()).toEqual([1, 2]);
  });

  test('the end of the registration goes with the write that empties the backlog', async () => {
    const { writer, push, answer, append, events } = setUp();
    push(...Array.from({ length: 129 }, (_, i) => i));
    writer.write(true, '7-0' as MailboxId);
    expect(append.last[5]).toBeNull();
    await answer(stored(128));
    writer.write(true, '7-0' as MailboxId);
    expect(append.last[5]).toEqual({ seen: '7-0' });
    await answer(stored(1, OVER));
    expect(events.at(-1)).toEqual(['ended', B, false]);
  });

  test('a receipt that brings the next message finds the writer busy', async () => {
    const { writer, push, backlog, append, onReceipt, accounts, events, answer } = setUp(1000);
    accounts.stored(REALM, '1-0' as MailboxId, 995);
    push(1);
    backlog.push(message({ id: 2, session: 2 }));
    const busy: boolean[] = [];
    onReceipt(() => busy.push(writer.busy));
    writer.write(false, '');
    expect([busy, append.calls.length]).toEqual([[true, true], 0]);
    expect(events.at(-1)).toEqual(['idle', false]);
    accounts.removed(REALM, [{ entry: '1-0' as MailboxId, bytes: 995 }]);
    backlog.push(message({ id: 3, session: 3 }));
    writer.write(false, '');
    await answer(stored(0));
    expect([busy, events.at(-2)]).toEqual([
      [true, true, true],
      ['receipt', 3, ReceiptStatus.overloaded],
    ]);
  });
});

describe('refusing', () => {
  test('messages that may not be stored', () => {
    const { writer, backlog, events, counters } = setUp();
    backlog.push(message({ id: 1, flags: SendFlag.noStore }));
    writer.write(false, '');
    backlog.push(message({ id: 2, session: 2, flags: SendFlag.noStore }));
    writer.write(true, '');
    expect(events).toEqual([
      ['receipt', 1, ReceiptStatus.overloaded],
      ['idle', false],
      ['receipt', 2, ReceiptStatus.offline],
    ]);
    expect([counters.drops.catching_up, counters.drops.offline]).toEqual([1, 1]);
  });

  test('what has no room in the realm, and what follows it from the same sender', () => {
    const { writer, backlog, accounts, counters, written } = setUp(1000);
    accounts.stored(REALM, '1-0' as MailboxId, 900);
    backlog.push(message({ id: 1, payload: new Uint8Array(500) }));
    backlog.push(message({ id: 2 }));
    backlog.push(message({ id: 3, session: 2 }));
    writer.write(false, '');
    expect(written()).toEqual([3]);
    expect([counters.drops.realm_full, counters.drops.sticky]).toEqual([1, 1]);
  });

  test('what a full mailbox did not take, and what follows it from the same sender, delivered or not', async () => {
    const { writer, push, spill, answer, events, counters, backlog } = setUp();
    spill(...Array.from({ length: 130 }, (_, i) => i + 1));
    push(200);
    writer.write(false, '');
    await answer(stored(127));
    expect(events.slice(127)).toEqual([
      ['receipt', 128, ReceiptStatus.overloaded],
      ['idle', false],
    ]);
    writer.write(false, '');
    expect([counters.drops.mailbox_full, counters.drops.sticky, backlog.length]).toEqual([1, 3, 0]);
  });

  test('one whose client acknowledged it meanwhile needs no refusal', async () => {
    const { writer, spill, answer, events, window } = setUp();
    spill(1, 2);
    writer.write(false, '');
    for (const delivery of window) if (delivery.seq === 1) delivery.receipted = true;
    await answer(stored(0));
    expect(events).toEqual([
      ['receipt', 2, ReceiptStatus.overloaded],
      ['idle', false],
    ]);
  });
});

describe('a store that does not answer', () => {
  test('is asked again under the same sequence', async () => {
    const { writer, push, fail, answer, append, events } = setUp();
    push(1);
    writer.write(false, '');
    await fail(3);
    await answer(stored(1));
    expect(new Set(append.calls.map(([, , { sequence }]) => sequence))).toEqual(new Set([1]));
    expect([append.calls.length, events.length]).toEqual([4, 2]);
  });

  test('for two seconds: the messages are refused, and what follows them from the same sender', async () => {
    const { writer, push, spill, fail, events, counters, backlog } = setUp();
    spill(...Array.from({ length: 129 }, (_, i) => i));
    push(500);
    backlog.push(message({ id: 600, session: 2 }));
    writer.write(false, '');
    await fail(8);
    expect([counters.drops.store_unavailable, backlog.length, events.at(-1)]).toEqual([128, 3, ['idle', false]]);
    writer.write(false, '');
    expect([counters.drops.sticky, writer.busy]).toEqual([2, true]);
  });

  test('the end of a registration is asked for under the same sequence until it is known; messages are refused', async () => {
    const { writer, push, fail, answer, append, events, counters } = setUp();
    push(1);
    writer.write(true, '');
    await fail(8);
    push(2);
    await fail(2);
    expect(events).toEqual([
      ['receipt', 1, ReceiptStatus.unavailable],
      ['receipt', 2, ReceiptStatus.unavailable],
    ]);
    await answer(stored(1, OVER));
    expect([events.length, events.at(-1)]).toEqual([3, ['ended', B, false]]);
    expect(new Set(append.calls.map(([, , { sequence }]) => sequence))).toEqual(new Set([1]));
    expect(counters.drops.store_unavailable).toBe(2);
  });
});

test('a registration whose turn it is not waits, with everything in its order', async () => {
  const { writer, push, answer, events, backlog, world } = setUp();
  push(1, 2);
  writer.write(true, '');
  push(3);
  await answer({ kind: 'wait', head: { node: B, epoch: 4 } });
  expect([writer.busy, events, backlog.head?.id, backlog.length]).toEqual([true, [], 1, 3]);
  await world.run(20, () => false);
  expect(events).toEqual([['idle', false]]);
});

test('a registration that the store does not have gives back what is unwritten', async () => {
  const { writer, push, answer, events } = setUp();
  push(1, 2);
  writer.write(false, '');
  await answer({ kind: 'lost', owner: null });
  expect([writer.busy, events]).toEqual([false, [['lost', null, [1, 2]]]]);
});
