import { describe, expect, test } from 'vitest';
import type { BucketScope, LeaseRequest } from '../../services/relay/src/core/bucket-ports.ts';
import type { Buckets } from '../../services/relay/src/core/policy.ts';
import { newNode, newPeer, newRealm, of } from './fixtures.ts';
import type { Implementation } from './implementation.ts';

const NONE = { messages: 0, bytes: 0 };

/** So slow that what accrues during a test does not matter, with 100 messages and 1000 bytes in it. */
const SLOW: Buckets = { messages: { perSecond: 0.001, burst: 100 }, bytes: { perSecond: 0.001, burst: 1000 } };

export function bucketsContract(get: () => Implementation): void {
  const newScope = (): BucketScope => ({ kind: 'realm', realm: newRealm() });
  let sequence = 0;
  const lease = async (scope: BucketScope, changes: Partial<LeaseRequest> = {}) => {
    sequence += 1;
    const request = { scope, node: newNode(), sequence, version: 1, buckets: SLOW, give: NONE, want: NONE, weight: 1 };
    return of('leased', await get().store.buckets.lease({ ...request, keepMs: 60_000, ...changes }));
  };
  const messages = (count: number) => ({ messages: count, bytes: 0 });

  describe('leases', () => {
    test('a new bucket is full, and what is leased is gone', async () => {
      const scope = newScope();
      const first = await lease(scope, { want: { messages: 30, bytes: 400 } });
      expect(first.granted).toEqual({ messages: 30, bytes: 400 });
      expect(first.level.messages).toBeCloseTo(70, 1);
      expect(first.level.bytes).toBeCloseTo(600, 1);
      expect((await lease(scope, { want: messages(90) })).granted.messages).toBeCloseTo(70, 1);
      expect((await lease(scope)).level.messages).toBeCloseTo(0, 1);
    });

    test('every scope has a bucket of its own', async () => {
      const key = newPeer();
      await lease({ kind: 'peer', key }, { want: messages(100) });
      expect((await lease({ kind: 'peer', key: newPeer() })).level.messages).toBe(100);
      expect((await lease(newScope())).level.messages).toBe(100);
      expect((await lease({ kind: 'cluster' })).level.messages).toBe(100);
    });

    test('a repeated request gets the first answer and changes nothing', async () => {
      const scope = newScope();
      const same = { node: newNode(), sequence: 7, give: messages(-5), want: messages(20) };
      const first = await lease(scope, same);
      expect((await lease(scope, same)).granted).toEqual(first.granted);
      expect((await lease(scope)).level.messages).toBeCloseTo(75, 1);
    });

    test('a node that is asked for anew counts on behind what it said last', async () => {
      const scope = newScope();
      const node = newNode();
      await lease(scope, { node, sequence: 3, want: messages(10) });
      expect((await lease(scope, { node, sequence: 4, want: messages(10) })).granted.messages).toBeCloseTo(10, 1);
      expect((await lease(scope)).level.messages).toBeCloseTo(80, 1);
    });

    test('what comes back is there for others, up to the burst', async () => {
      const scope = newScope();
      const node = newNode();
      await lease(scope, { node, want: messages(60) });
      expect((await lease(scope, { node, give: messages(50) })).level.messages).toBeCloseTo(90, 1);
      expect((await lease(scope, { node, give: messages(50) })).level.messages).toBe(100);
    });

    test('a node pays what it has used without having it', async () => {
      const scope = newScope();
      const node = newNode();
      await lease(scope, { want: messages(100) });
      const owing = await lease(scope, { node, give: messages(-4), want: messages(2) });
      expect(owing).toMatchObject({ granted: { messages: 0 } });
      expect(owing.owed.messages).toBeCloseTo(-4, 1);
      expect((await lease(scope, { give: messages(10) })).owed.messages).toBe(0);
      expect((await lease(scope, { node, want: messages(2) })).granted.messages).toBeCloseTo(2, 1);
    });

    test('a unit without a limit has no tokens', async () => {
      const scope = newScope();
      const buckets = { messages: SLOW.messages, bytes: null };
      const reply = await lease(scope, { buckets, want: messages(1) });
      expect(reply).toMatchObject({ granted: { messages: 1, bytes: 0 }, level: { bytes: 0 }, owed: NONE });
    });

    test("fills by the store's clock, up to the burst", async () => {
      const scope = newScope();
      const buckets = { messages: { perSecond: 1000, burst: 30 }, bytes: null };
      await lease(scope, { buckets, want: messages(30) });
      await get().advance(100);
      expect((await lease(scope, { buckets })).level.messages).toBe(30);
    });

    test('amounts beyond 32 bits, and fractions', async () => {
      const scope = newScope();
      const buckets = { messages: null, bytes: { perSecond: 0.001, burst: 2 ** 40 } };
      const reply = await lease(scope, { buckets, want: { messages: 0, bytes: 2 ** 39 + 0.25 } });
      expect(reply.granted.bytes).toBe(2 ** 39 + 0.25);
      expect(reply.level.bytes).toBeCloseTo(2 ** 39 - 0.25, 1);
    });
  });

  describe('shares', () => {
    /** Nodes that wait when a bucket is empty, and what each of them finds when so many messages have come back. */
    async function shares(waiting: readonly { want: number; weight?: number; keepMs?: number }[], back: number) {
      const scope = newScope();
      const giver = newNode();
      await lease(scope, { node: giver, want: messages(100) });
      const nodes = waiting.map(() => newNode('waits'));
      for (const [index, { want, weight = 1, keepMs = 60_000 }] of waiting.entries()) {
        const node = nodes[index] as (typeof nodes)[number];
        const reply = await lease(scope, { node, want: messages(want), weight, keepMs });
        expect(reply.granted.messages).toBeCloseTo(0, 1);
      }
      await get().advance(2);
      await lease(scope, { node: giver, give: messages(back) });
      const got: number[] = [];
      for (const [index, { want }] of waiting.entries()) {
        const node = nodes[index] as (typeof nodes)[number];
        got.push(Math.round((await lease(scope, { node, want: messages(want) })).granted.messages));
      }
      return got;
    }

    test('those who wait share alike, whoever asks first', async () => {
      expect(await shares([{ want: 50 }, { want: 50 }, { want: 50 }], 30)).toEqual([10, 10, 10]);
    });

    test('by their weights', async () => {
      expect(await shares([{ want: 50, weight: 3 }, { want: 50 }], 40)).toEqual([30, 10]);
    });

    test('whoever wants less than its share gets that, and the others share the rest', async () => {
      expect(await shares([{ want: 2 }, { want: 50 }, { want: 50 }], 32)).toEqual([2, 15, 15]);
    });

    test('nothing is kept for who asks no more', async () => {
      expect(await shares([{ want: 50, keepMs: 1 }, { want: 20 }], 20)).toEqual([0, 20]);
    });

    test('tells how many wait', async () => {
      const scope = newScope();
      await lease(scope, { want: messages(100), weight: 9 });
      await lease(scope, { want: messages(5), weight: 2 });
      await lease(scope, { want: messages(5), weight: 3, keepMs: 0 });
      expect((await lease(scope, { want: messages(5), weight: 4 })).weights).toBe(6);
    });
  });

  describe('policies', () => {
    test('a new version changes the bucket and keeps the level, cut to the burst', async () => {
      const scope = newScope();
      await lease(scope, { want: messages(20) });
      const wider = { messages: { perSecond: 0.001, burst: 500 }, bytes: null };
      expect((await lease(scope, { version: 2, buckets: wider })).level.messages).toBeCloseTo(80, 1);
      const narrower = { messages: { perSecond: 0.001, burst: 10 }, bytes: null };
      expect((await lease(scope, { version: 3, buckets: narrower })).level.messages).toBeCloseTo(10, 1);
    });

    test('whoever has not heard of it yet does not change it back', async () => {
      const scope = newScope();
      const newer = { messages: { perSecond: 0.001, burst: 10 }, bytes: null };
      await lease(scope, { version: 5, buckets: newer });
      expect((await lease(scope, { version: 4 })).level).toEqual({ messages: 10, bytes: 0 });
      expect((await lease(scope, { version: 4, want: { messages: 0, bytes: 9 } })).granted.bytes).toBe(9);
    });

    test('a version by which nobody asks any more gives way to a lower one: the store has lost it', async () => {
      const scope = newScope();
      const lost = { messages: { perSecond: 0.001, burst: 80 }, bytes: null };
      await lease(scope, { version: 7, buckets: lost });
      const present = { messages: { perSecond: 0.001, burst: 30 }, bytes: null };
      expect((await lease(scope, { version: 1, buckets: present })).level.messages).toBe(80);
      await get().advance(5000);
      expect((await lease(scope, { version: 1, buckets: present })).level.messages).toBe(30);
    });
  });

  describe("peers' buckets", () => {
    const holder = () => `${newNode()}/1`;
    const hold = async (key: ReturnType<typeof newPeer>, by: string, buckets = SLOW) =>
      of('held', await get().store.buckets.hold(key, by, buckets)).level;
    const back = (key: ReturnType<typeof newPeer>, by: string, left: number) =>
      get().store.buckets.giveBack(key, by, SLOW, { messages: left, bytes: left });

    test('the holder gets all of it, and what it gives back is there for the next', async () => {
      const key = newPeer();
      const [first, second] = [holder(), holder()];
      expect(await hold(key, first)).toEqual({ messages: 100, bytes: 1000 });
      expect(await back(key, first, 40)).toEqual({ kind: 'given_back' });
      const level = await hold(key, second);
      expect(level.messages).toBeCloseTo(40, 1);
      expect(level.bytes).toBeCloseTo(40, 1);
    });

    test('one that is not given back is empty for the next, and what comes back late does not count', async () => {
      const key = newPeer();
      const [first, second] = [holder(), holder()];
      await hold(key, first);
      expect(await hold(key, second)).toEqual(NONE);
      expect(await back(key, first, 100)).toEqual({ kind: 'not_held' });
      expect(await back(key, second, 3)).toEqual({ kind: 'given_back' });
      expect(await back(key, second, 50)).toEqual({ kind: 'not_held' });
      expect((await hold(key, holder())).messages).toBeCloseTo(3, 1);
    });

    test('a repeated hold gets the first answer', async () => {
      const key = newPeer();
      const by = holder();
      expect(await hold(key, by)).toEqual({ messages: 100, bytes: 1000 });
      expect(await hold(key, by)).toEqual({ messages: 100, bytes: 1000 });
    });

    test('it fills while nobody holds it, and only then', async () => {
      const key = newPeer();
      const fast = { messages: { perSecond: 10_000, burst: 50 }, bytes: null };
      const [first, second] = [holder(), holder()];
      await hold(key, first, fast);
      await get().advance(20);
      expect(await hold(key, second, fast)).toEqual(NONE);
      await get().store.buckets.giveBack(key, second, fast, messages(0));
      await get().advance(20);
      expect((await hold(key, holder(), fast)).messages).toBe(50);
    });

    test('a lease takes it from who holds it, empty', async () => {
      const key = newPeer();
      const by = holder();
      await hold(key, by);
      expect((await lease({ kind: 'peer', key }, { want: messages(1) })).granted.messages).toBeCloseTo(0, 1);
      expect(await back(key, by, 100)).toEqual({ kind: 'not_held' });
    });

    test('a debt is kept', async () => {
      const key = newPeer();
      const by = holder();
      await hold(key, by);
      await back(key, by, -10);
      expect((await hold(key, holder())).messages).toBeCloseTo(-10, 1);
    });
  });
}
