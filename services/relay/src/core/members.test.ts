import type { NodeId } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import { settings } from '../../../../test/simulation/cluster.ts';
import { A, B, C, keptLog, UNAVAILABLE, withMethods } from '../../../../test/simulation/core-kit.ts';
import { World } from '../../../../test/simulation/world.ts';
import { createEmbeddedCluster } from '../embedded/cluster.ts';
import { createEmbeddedStore } from '../embedded/store.ts';
import { Counters } from './counters.ts';
import { Members } from './members.ts';
import type { NodeRecord } from './ports.ts';

const LEASE_MS = 3000;

function setUp() {
  const world = new World();
  const start = world.now();
  const shared = createEmbeddedCluster(() => world.now());
  const outage = { isOut: false };
  const since = (): number => world.now() - start;

  /** What it tells comes with the milliseconds since the start; of the unreaped only when there are any. */
  function member(node: NodeId) {
    const events: unknown[] = [];
    const renewals: number[] = [];
    const { membership } = createEmbeddedStore(shared);
    const log = keptLog();
    const counters = new Counters();
    const members = new Members({
      settings: settings(node, { nodeLeaseMs: LEASE_MS, url: `ws://${node}` }),
      membership: withMethods(membership, {
        renew: async (...args: Parameters<typeof membership.renew>) => {
          renewals.push(since());
          return outage.isOut ? UNAVAILABLE : membership.renew(...args);
        },
        declareDead: async (...args: Parameters<typeof membership.declareDead>) =>
          outage.isOut ? UNAVAILABLE : membership.declareDead(...args),
      }),
      clock: world,
      timers: world,
      log,
      counters,
      connections: () => 7,
      onDead: (dead) => events.push(['dead', dead, since()]),
      onUnreaped: (nodes) => {
        if (nodes.length > 0) events.push(['unreaped', ...nodes]);
      },
      onRenewed: () => undefined,
      onFenced: () => events.push(['fenced', since()]),
    });
    return { members, events, renewals, log, counters };
  }
  const run = (ms: number) => world.run(ms, () => false);
  /** As another node of the cluster would have it. */
  const write = (node: NodeId, changes: Partial<NodeRecord>) => {
    const now = world.now();
    const record = { region: '', url: '', connections: 0, leaseUntil: now + LEASE_MS, since: now, steadySince: now };
    shared.nodes.set(node, { ...record, node, state: 'live', ...shared.nodes.get(node), ...changes });
  };
  return { world, shared, outage, member, run, write };
}

const deaths = (events: readonly unknown[]) => events.filter((event) => (event as unknown[])[0] === 'dead');

describe('the lease', () => {
  test('is written at the start, and renewed at each third of it', async () => {
    const { member, run, shared, world } = setUp();
    const { members, renewals } = member(A);
    const started = members.start();
    await run(0);
    await started;
    const now = world.now();
    expect(shared.nodes.get(A)).toMatchObject({ url: 'ws://a', connections: 7, state: 'live', leaseUntil: now + 3000 });
    await run(3000);
    expect([renewals, shared.nodes.get(A)?.leaseUntil]).toEqual([[0, 1000, 2000, 3000], world.now() + 3000]);
    members.drain();
    await run(0);
    expect([shared.nodes.get(A)?.state, renewals.length]).toEqual(['draining', 5]);
    await members.leave();
    await run(10_000);
    expect([renewals.length, shared.nodes.has(A), world.pending]).toEqual([5, false, 0]);
  });

  test('that cannot be renewed is tried again ten times in its life, is told of once, and goes on as before', async () => {
    const { member, run, outage } = setUp();
    const { members, renewals, log, events } = member(A);
    void members.start();
    await run(500);
    outage.isOut = true;
    await run(1200);
    outage.isOut = false;
    await run(2300);
    expect(renewals).toEqual([0, 1000, 1300, 1600, 1900, 2900, 3900]);
    expect([log.lines, events]).toEqual([['the lease could not be renewed'], []]);
  });

  test('of a store that cannot be reached at first: the start waits for it, or for the end', async () => {
    const { member, run, outage } = setUp();
    outage.isOut = true;
    const [one, other] = [member(A), member(B)];
    const ends: string[] = [];
    void one.members.start().then(() => ends.push('a'));
    void other.members.start().then(() => ends.push('b'));
    await run(1000);
    expect(ends).toEqual([]);
    other.members.stop();
    await run(0);
    outage.isOut = false;
    await run(500);
    expect([ends, other.renewals.length]).toEqual([['b', 'a'], 4]);
  });
});

describe('the hold', () => {
  test('lasts as long as the lease, from when it was asked for', async () => {
    const { member, run, outage } = setUp();
    const { members } = member(A);
    const calls: string[] = [];
    members.whenHeld(() => calls.push('before the start'));
    expect([members.isHeld, calls]).toEqual([false, []]);
    void members.start();
    await run(2500);
    expect([members.isHeld, calls]).toEqual([true, ['before the start']]);
    outage.isOut = true;
    await run(2499);
    expect(members.isHeld).toBe(true);
    await run(1);
    expect(members.isHeld).toBe(false);
    members.whenHeld(() => calls.push('in the outage'));
    members.whenHeld(() => calls.push('later'));
    await run(1000);
    expect(calls.length).toBe(1);
    outage.isOut = false;
    await run(300);
    expect([members.isHeld, calls.slice(1)]).toEqual([true, ['in the outage', 'later']]);
    members.whenHeld(() => calls.push('at once'));
    await run(3000);
    expect(calls.slice(3)).toEqual(['at once']);
  });

  test('is never had again by one that was declared dead', async () => {
    const { member, run, outage, write } = setUp();
    const { members } = member(A);
    void members.start();
    await run(0);
    outage.isOut = true;
    await run(5000);
    members.whenHeld(() => expect.fail('the lease was lost'));
    write(A, { state: 'dead' });
    outage.isOut = false;
    await run(5000);
    expect(members.isHeld).toBe(false);
  });
});

describe('the others', () => {
  test('that live are known, as they say', async () => {
    const { member, run } = setUp();
    const [a, b] = [member(A), member(B)];
    void a.members.start();
    void b.members.start();
    expect([a.members.live, a.members.isDead(B)]).toEqual([[], false]);
    await run(1000);
    expect(a.members.live.map(({ node }) => node)).toEqual([A, B]);
    b.members.drain();
    await run(2000);
    expect(a.members.live.map(({ state }) => state)).toEqual(['live', 'draining']);
    expect([a.members.isDead(B), a.events]).toEqual([false, []]);
  });

  test('are looked at when their lease ends: whose has run out is declared dead, once', async () => {
    const { member, run, shared } = setUp();
    const [a, b] = [member(A), member(B)];
    void a.members.start();
    await run(400);
    void b.members.start();
    await run(0);
    b.members.stop();
    await run(3019);
    expect([a.events, shared.nodes.get(B)?.state]).toEqual([[], 'live']);
    await run(1);
    expect(a.events).toEqual([
      ['dead', B, 3420],
      ['unreaped', B],
    ]);
    expect([shared.nodes.get(B)?.state, a.members.isDead(B)]).toEqual(['dead', true]);
    expect(a.members.live.map(({ node }) => node)).toEqual([A]);
    expect(a.counters.declaredDead).toBe(1);
    await run(2000);
    expect(a.renewals.slice(-3)).toEqual([3420, 4420, 5420]);
    expect(a.events.slice(2)).toEqual([
      ['unreaped', B],
      ['unreaped', B],
    ]);
  });

  test('that were declared dead by a third one are dead here, too; the reaped have not to be reaped', async () => {
    const { member, run, write } = setUp();
    const a = member(A);
    write(B, {});
    write(C, { state: 'reaped' });
    void a.members.start();
    await run(500);
    write(B, { state: 'dead' });
    await run(500);
    expect(a.events).toEqual([
      ['dead', C, 0],
      ['dead', B, 1000],
      ['unreaped', B],
    ]);
    write(B, { state: 'reaped' });
    await run(1000);
    expect([a.events.length, a.members.isDead(B), a.members.isDead(C)]).toEqual([3, true, true]);
    expect(a.counters.declaredDead).toBe(0);
  });

  test('are left alone after an outage of the store, until this node has had its lease for as long again', async () => {
    const { member, run, outage, shared } = setUp();
    const [a, b, c] = [member(A), member(B), member(C)];
    for (const { members } of [a, b, c]) void members.start();
    await run(5000);
    outage.isOut = true;
    await run(5000);
    c.members.stop();
    outage.isOut = false;
    await run(2500);
    expect([...a.events, ...b.events]).toEqual([]);
    expect([...shared.nodes.values()].map(({ state }) => state)).toEqual(['live', 'live', 'live']);
    await run(2000);
    expect([deaths(a.events).length, deaths(b.events).length, deaths([...a.events, ...b.events])]).toEqual([
      1,
      1,
      expect.arrayContaining([['dead', C, expect.any(Number)]]),
    ]);
  });

  test('that are not on the list are dead when this node has had its lease for long enough', async () => {
    const { member, run, write, shared } = setUp();
    const a = member(A);
    void a.members.start();
    await run(100);
    for (const node of [B, C]) expect(a.members.isDead(node)).toBe(false);
    write(C, {});
    await run(2899);
    expect([a.members.isDead(B), a.events]).toEqual([false, []]);
    await run(1);
    expect([a.members.isDead(B), a.members.isDead(C), a.events]).toEqual([true, false, [['dead', B, 3000]]]);
    // One that has left is told of with the next renewal.
    shared.nodes.delete(C);
    await run(1000);
    expect(a.events.slice(1)).toEqual([['dead', C, expect.any(Number)]]);
    await run(5000);
    expect(a.events.length).toBe(2);
  });

  test('that a store has forgotten with all else may come back', async () => {
    const { member, run, shared } = setUp();
    const [a, b] = [member(A), member(B)];
    void a.members.start();
    await run(500);
    void b.members.start();
    await run(5000);
    shared.nodes.clear();
    await run(3000);
    expect([a.events, b.events]).toEqual([[], []]);
    expect([a, b].map(({ members }) => members.live.length)).toEqual([2, 2]);
  });
});

describe('a node that the others have declared dead', () => {
  test('is fenced with its next renewal, and does nothing more', async () => {
    const { member, run, write, world } = setUp();
    const { members, events, renewals } = member(A);
    void members.start();
    await run(500);
    write(A, { state: 'dead' });
    await run(10_000);
    expect([events, renewals, world.pending]).toEqual([[['fenced', 1000]], [0, 1000], 0]);
  });

  test('is not told any more when it has stopped', async () => {
    const { member, run, write } = setUp();
    const { members, events } = member(A);
    void members.start();
    await run(900);
    write(A, { state: 'reaped' });
    members.stop();
    await run(10_000);
    expect(events).toEqual([]);
  });
});
