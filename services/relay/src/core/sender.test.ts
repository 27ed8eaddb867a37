import { ReceiptStatus, SendFlag } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import { settings } from '../../../../test/simulation/cluster.ts';
import { A, key, REALM } from '../../../../test/simulation/core-kit.ts';
import { World } from '../../../../test/simulation/world.ts';
import type { Connection } from './connection.ts';
import { Counters } from './counters.ts';
import { BY_CLUSTER, BY_PEER, BY_REALM, PASSED, type SendAllowance, type Verdict } from './limits.ts';
import { Load } from './load.ts';
import type { Message } from './message.ts';
import { NO_LIMITS } from './policy.ts';
import { MAX_REFUSING, Sender } from './sender.ts';
import type { Settings } from './settings.ts';
import { UsageAccount } from './usage.ts';

const { delivered, queued, overloaded, unavailable, offline, too_large, bad_recipient } = ReceiptStatus;

function setUp(changes: Partial<Settings> = {}) {
  const world = new World();
  const counters = new Counters();
  const out: Message[] = [];
  const told: unknown[] = [];
  const accounted: unknown[] = [];
  const connection = {
    receipt: (id: unknown, status: number) => told.push([id, status]),
    send: (frame: unknown) => told.push(frame),
  } as unknown as Connection;
  const load = new Load();
  const taken: number[] = [];
  const limits = { verdict: PASSED as Verdict };
  const allowance: SendAllowance = {
    take(bytes) {
      if (limits.verdict === PASSED) taken.push(bytes);
      return limits.verdict;
    },
    retryAfterMs: 70,
    keep: () => undefined,
    buckets: NO_LIMITS,
    close: () => undefined,
  };
  const account = new UsageAccount('alice', world);
  const sender = new Sender(7, REALM, 'alice' as never, connection, allowance, account, {
    settings: settings(A, { sendWindow: 3, maxPayload: 10, ...changes }),
    clock: world,
    counters,
    load,
    nextOrder: () => out.length + 1,
    dispatch: (message) => out.push(message),
    settled: ({ to, path }) => accounted.push(['settled', to, path]),
    refused: (session, { to, run, order }, status) => accounted.push(['refused', session, to, run, order, status]),
  });
  const send = (id: number | null, to: string | null = 'bob', flags = 0, bytes = 1) =>
    sender.send({ type: 'send', id, to: to as never, flags, payload: new Uint8Array(bytes) });
  return { world, counters, load, out, told, accounted, limits, taken, account, sender, send };
}

const THROTTLE = { type: 'throttle', scope: 'node', retryAfterMs: 200 };

test('attests the sender, and gives each message its one receipt', () => {
  const { send, sender, out, told } = setUp();
  send(1);
  expect(out).toMatchObject([
    { id: 1, from: 'alice', to: key('bob'), origin: A, session: 7, run: 0, entry: null, path: 0, pending: { path: 0 } },
  ]);
  expect(sender.pendingCount).toBe(1);
  sender.receipt(1, delivered);
  sender.receipt(1, queued);
  expect([told, sender.pendingCount]).toEqual([[[1, delivered]], 0]);
});

test('an id that waits for its receipt is ignored, and may be sent again later', () => {
  const { send, sender, out, counters } = setUp();
  send(1);
  send(1);
  expect([out.length, counters.drops.duplicate_id]).toEqual([1, 1]);
  sender.receipt(1, delivered);
  send(1);
  expect(out.length).toBe(2);
});

test('what can never go is refused, and needs no beginning again', () => {
  const { send, told, counters, out } = setUp();
  send(1, null);
  send(2, 'bob', 0, 11);
  send(3);
  expect([told, out.length]).toEqual([
    [
      [1, bad_recipient],
      [2, too_large],
    ],
    1,
  ]);
  expect([counters.drops.bad_recipient, counters.drops.too_large]).toEqual([1, 1]);
  expect([counters.receipts[bad_recipient], counters.receipts[too_large]]).toEqual([1, 1]);
});

test('a message without receipt fills the window, and is told of its refusal only', () => {
  const { send, sender, told } = setUp();
  send(1, 'bob', SendFlag.noReceipt);
  send(2, 'bob', SendFlag.noReceipt);
  send(3, 'bob', SendFlag.noReceipt);
  expect(sender.pendingCount).toBe(3);
  sender.receipt(1, delivered);
  sender.receipt(2, queued);
  sender.receipt(3, offline);
  expect(told).toEqual([[3, offline]]);
});

describe('the window', () => {
  test('refuses more, and then everything to that recipient until the sender begins again', () => {
    const { send, sender, told, out, counters } = setUp();
    for (const id of [1, 2, 3, 4]) send(id);
    sender.receipt(1, delivered);
    send(5);
    send(6, 'carol');
    expect(told).toEqual([[4, overloaded], THROTTLE, [1, delivered], [5, overloaded]]);
    expect([counters.drops.send_window, counters.drops.sticky]).toEqual([1, 1]);
    sender.receipt(2, delivered);
    send(4, 'bob', SendFlag.afterRefusal);
    expect(out.map(({ id, run }) => [id, run])).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
      [6, 0],
      [4, 1],
    ]);
  });

  test('an attempt to begin again may be refused, too', () => {
    const { send, sender, out, told } = setUp();
    for (const id of [1, 2, 3, 4]) send(id);
    send(4, 'bob', SendFlag.afterRefusal);
    sender.receipt(1, delivered);
    send(5);
    expect(told.filter((line) => line !== THROTTLE)).toContainEqual([5, overloaded]);
    send(4, 'bob', SendFlag.afterRefusal);
    expect(out.at(-1)).toMatchObject({ id: 4, run: 2 });
  });
});

describe('a temporary refusal', () => {
  test('holds for its recipient and its run; a late one of an earlier run does not', () => {
    const { send, sender, out, told } = setUp();
    send(1);
    send(2);
    sender.receipt(1, unavailable);
    send(3);
    expect(told).toEqual([
      [1, unavailable],
      [3, unavailable],
    ]);
    send(1, 'bob', SendFlag.afterRefusal);
    sender.receipt(2, unavailable);
    send(3);
    expect(out.map(({ id, run }) => [id, run])).toEqual([
      [1, 0],
      [2, 0],
      [1, 1],
      [3, 1],
    ]);
  });

  test('is known to the router before it may send on what has waited behind it', () => {
    const { send, sender, out, accounted } = setUp();
    send(1);
    send(2);
    for (const { pending } of out) if (pending !== null) pending.path = 3;
    sender.receipt(1, unavailable);
    sender.receipt(2, delivered);
    expect(accounted).toEqual([
      ['refused', 7, key('bob'), 0, 1, unavailable],
      ['settled', key('bob'), 3],
      ['settled', key('bob'), 3],
    ]);
    expect(out.map(({ pending }) => [pending?.path, pending?.settled])).toEqual([
      [0, true],
      [0, true],
    ]);
  });

  test('comes with a hint, at most one in 100 ms, and none when the cluster cannot decide', async () => {
    const { send, sender, told, world } = setUp();
    const throttles = () => told.filter((line) => !Array.isArray(line)).length;
    send(1);
    sender.receipt(1, unavailable);
    expect(throttles()).toBe(0);
    const refuse = (id: number) => {
      send(id, `peer-${id}`);
      sender.receipt(id, overloaded);
    };
    refuse(2);
    await world.run(99, () => false);
    refuse(3);
    expect(throttles()).toBe(1);
    await world.run(1, () => false);
    refuse(4);
    expect(throttles()).toBe(2);
  });
});

test('a message without an id gets the clock in microseconds, and never one twice', () => {
  const { send, out, world } = setUp();
  send(null);
  send(null);
  expect(out.map(({ id }) => id)).toEqual([world.now() * 1000, world.now() * 1000 + 1]);
});

test('a connection that has gone hears nothing; its messages are accounted for, in the end without an outcome', () => {
  const { send, sender, told, out, accounted, world } = setUp();
  send(1);
  send(2);
  for (const { pending } of out) if (pending !== null) pending.path = 3;
  sender.disconnect();
  expect(sender.oldestPending).toBe(world.now());
  sender.receipt(1, delivered);
  sender.abandon();
  sender.receipt(2, delivered);
  expect([told, accounted.length, sender.pendingCount, sender.oldestPending]).toEqual([[], 2, 0, null]);
});

test('what all senders of the node have under way is bounded in bytes, until its outcome or its end', () => {
  const { send, sender, told, counters, load } = setUp({ messageBytes: 2 * 2048 + 5 });
  send(1, 'bob', 0, 4);
  send(2, 'bob', 0, 2);
  send(3, 'carol', 0, 1);
  expect([told, counters.drops.node_full, load.messageBytes]).toEqual([[[2, overloaded], THROTTLE], 1, 2 * 2048 + 5]);
  sender.receipt(1, delivered);
  sender.receipt(1, delivered);
  expect(load.messageBytes).toBe(2048 + 1);
  // Sticky, as any refusal that a wait can cure.
  send(4, 'bob');
  send(5, 'bob', SendFlag.afterRefusal);
  expect([told.at(-1), counters.drops.sticky, load.messageBytes]).toEqual([[4, overloaded], 1, 2 * (2048 + 1)]);
  sender.disconnect();
  sender.abandon();
  expect(load.messageBytes).toBe(0);
});

test('says when more recipients have refused something than are remembered', () => {
  const { send, sender } = setUp({ sendWindow: 1 });
  send(1, 'bob');
  for (let id = 2; id <= MAX_REFUSING + 1; id += 1) send(id, `peer-${id}`);
  send(2, 'peer-2');
  expect(sender.isRefusedTooOften).toBe(false);
  send(3, 'another');
  expect(sender.isRefusedTooOften).toBe(true);
});

describe('limits', () => {
  const { rate_limited } = ReceiptStatus;

  test.each([
    [BY_PEER, 'peer', 'rate_peer'],
    [BY_REALM, 'realm', 'rate_realm'],
    [BY_CLUSTER, 'cluster', 'rate_cluster'],
  ] as const)('level %i refuses, says so and when to try again', (verdict, scope, reason) => {
    const { send, sender, limits, told, out, counters } = setUp();
    limits.verdict = verdict;
    send(1);
    expect(told).toEqual([[1, rate_limited], { type: 'throttle', scope, retryAfterMs: 70 }]);
    expect([out.length, sender.pendingCount, counters.drops[reason]]).toEqual([0, 0, 1]);
  });

  test('a refusal is sticky, and what is refused for another reason takes nothing', () => {
    const { send, limits, taken, told } = setUp();
    limits.verdict = BY_REALM;
    send(1);
    limits.verdict = PASSED;
    send(2);
    send(3, 'bob', 0, 11);
    send(4, null);
    expect(taken).toEqual([]);
    send(5, 'bob', SendFlag.afterRefusal, 5);
    send(6, 'carol', 0, 6);
    send(6, 'carol', 0, 6);
    send(7, 'carol', 0, 7);
    send(8, 'carol', 0, 8);
    expect(taken).toEqual([5, 6, 7]);
    expect(told.filter((line) => Array.isArray(line))).toEqual([
      [1, rate_limited],
      [2, rate_limited],
      [3, too_large],
      [4, bad_recipient],
      [8, overloaded],
    ]);
  });

  test('only what was taken is used', () => {
    const { send, limits, account } = setUp();
    send(1, 'bob', 0, 5);
    limits.verdict = BY_PEER;
    send(2, 'carol', 0, 7);
    expect([account.messagesIn, account.bytesIn]).toEqual([1, 5]);
  });

  test('who is limited again and again, for many recipients, is not closed for it', () => {
    const { send, sender, limits, out } = setUp({ sendWindow: 3 * MAX_REFUSING });
    for (let id = 1; id <= MAX_REFUSING + 10; id++) {
      limits.verdict = BY_PEER;
      send(id, `peer${id}`);
      limits.verdict = PASSED;
      send(id, `peer${id}`, SendFlag.afterRefusal);
    }
    expect([sender.isRefusedTooOften, out.length, out.at(-1)?.run]).toEqual([false, MAX_REFUSING + 10, 0]);
  });

  test('what was under way and is refused as well begins a new run', () => {
    const { send, sender, limits, out } = setUp();
    send(1);
    limits.verdict = BY_PEER;
    send(2);
    limits.verdict = PASSED;
    sender.receipt(1, overloaded);
    send(1, 'bob', SendFlag.afterRefusal);
    expect(out.map(({ id, run }) => [id, run])).toEqual([
      [1, 0],
      [1, 1],
    ]);
  });
});
