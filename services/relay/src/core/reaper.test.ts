import { describe, expect, test } from 'vitest';
import { A, B, C, key } from '../../../../test/simulation/core-kit.ts';
import { D, givenBack, LEASE_MS, PATH, sent, setUpReaper } from '../../../../test/simulation/reaper-kit.ts';
import { createEmbeddedStore } from '../embedded/store.ts';
import { AGAIN } from './message.ts';
import { encodeTurn } from './node-frames.ts';

describe('what a dead node had been handed', () => {
  test('goes back to the nodes that live, in order, as seen before; to this one itself, too', async () => {
    const { put, reaper, readAll, returned, appends, outcome, log } = await setUpReaper();
    await put(B, sent(1), encodeTurn(key('bob'), 1), sent(2));
    await put(A, sent(3));
    await put(D, sent(4));
    await put(B, sent(5).subarray(0, 30));
    await put(B, sent(6));
    await put(A, sent(7));
    const reaped = reaper.reap(C);
    await readAll(reaped);
    expect(givenBack(appends.calls)).toEqual([1, 2, 6].map((id) => [B, id, AGAIN, PATH]));
    expect(returned).toEqual([3, 7].map((id) => [id, AGAIN, PATH, A]));
    // Those of a node that is dead as well are nobody's.
    expect(new Set(appends.calls.map(([{ to }]) => to))).toEqual(new Set([A, B]));
    expect(log.lines).toEqual(['an inbox entry of a dead node is malformed']);
    expect(outcome().slice(0, 3)).toEqual(['reaped', 'reaped', 1]);
  });

  test('has been read by all, this one too, before the dead node is said to be gone', async () => {
    const { put, reaper, run, answer, appends, outcome, inbox, links, world } = await setUpReaper();
    await put(B, sent(1));
    const reaped = reaper.reap(C);
    await run();
    while (appends.open > 0) await answer({ kind: 'ok' });
    await run(2 * LEASE_MS);
    expect(outcome()).toEqual(['reaping', 'dead', 0, 0]);
    // The lock is held all the while.
    expect(inbox.reaperUntil - world.now()).toBeGreaterThan(LEASE_MS - 100);
    links.to(B).acknowledge(2);
    await run(100);
    expect(outcome()).toEqual(['reaping', 'dead', 0, 0]);
    links.to(A).acknowledge(1);
    await run(100);
    await reaped;
    expect(outcome()).toEqual(['reaped', 'reaped', 1, 1]);
  });

  test('is not waited for from a node that dies meanwhile', async () => {
    const { put, reaper, run, outcome, dead, links } = await setUpReaper();
    await put(B, sent(1));
    const reaped = reaper.reap(C);
    await run(1000);
    expect(outcome()).toEqual(['reaping', 'dead', 0, 0]);
    dead.add(B);
    links.to(A).acknowledge(100);
    await run(100);
    await reaped;
    expect(outcome()).toEqual(['reaped', 'reaped', 1, 1]);
  });

  test('is given back a part at a time: not more than 8 MiB and 16 entries wait on the links', async () => {
    const { put, reaper, run, readAll, appends, outcome, inbox, world } = await setUpReaper();
    for (let id = 1; id <= 20; id += 1) await put(B, sent(id, 600_000));
    const reaped = reaper.reap(C);
    // Each entry has a turn of the event loop.
    for (let turn = 0; turn < 20; turn += 1) await run();
    await run(10_000);
    expect(appends.calls.length).toBe(1);
    expect(inbox.reaperUntil - world.now()).toBeGreaterThan(LEASE_MS - 100);
    await readAll(reaped);
    expect(givenBack(appends.calls).map((one) => (one as unknown[])[1])).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
    expect(outcome()).toEqual(['reaped', 'reaped', 1, 20]);
  });

  test('may be nothing', async () => {
    const { reaper, readAll, outcome } = await setUpReaper();
    await readAll(reaper.reap(C));
    expect(outcome()).toEqual(['reaped', 'reaped', 1, 0]);
  });
});

describe('the lock', () => {
  test('that another node has is left to it', async () => {
    const { put, reaper, run, outcome, shared, calls, returned } = await setUpReaper();
    await put(A, sent(1));
    await createEmbeddedStore(shared).reaping.take(C, B, LEASE_MS);
    await reaper.reap(C);
    await run(1000);
    expect([calls, returned, outcome()]).toEqual([['take'], [], ['reaping', 'dead', 0, 0]]);
  });

  test('that was lost before anything was read: nothing is given back', async () => {
    const { put, reaper, run, outcome, inbox, away, returned } = await setUpReaper();
    await put(A, sent(1));
    away.add('read');
    const reaped = reaper.reap(C);
    await run();
    inbox.reaper = B;
    inbox.token += 1;
    inbox.reaperUntil += 60_000;
    away.clear();
    await run(100);
    await reaped;
    expect([returned, outcome()]).toEqual([[], ['reaping', 'dead', 0, 0]]);
  });

  test.each([
    ['and another node holds it', 60_000],
    ['and comes back when another node had it', -60_000],
  ])('that was lost while the others read, %s: this one does not say that the node is gone', async (_what, ms) => {
    const { put, reaper, run, outcome, inbox, links, calls } = await setUpReaper();
    await put(B, sent(1));
    const reaped = reaper.reap(C);
    await run(200);
    inbox.reaper = B;
    inbox.token += 1;
    inbox.reaperUntil += ms;
    await run(100);
    for (const node of [A, B]) links.to(node).acknowledge(2);
    await run(1000);
    await reaped;
    expect([calls.includes('finish'), outcome()]).toEqual([false, ['reaping', 'dead', 0, 0]]);
  });

  test('of a reaper that died is taken over when it has run out, and all is given back again', async () => {
    const { put, reaper, create, run, readAll, outcome, returned, appends } = await setUpReaper();
    await put(A, sent(1));
    await put(B, sent(2));
    void reaper.reap(C);
    await run(1000);
    reaper.stop();
    const second = create(B);
    await second.reap(C);
    // Its last renewal may have been under way.
    await run(LEASE_MS + 100);
    expect([returned.length, outcome()]).toEqual([1, ['reaping', 'dead', 0, 0]]);
    await readAll(second.reap(C));
    // What is its own comes back to it; the rest, again, to where it came from.
    expect(returned).toEqual([1, 2].map((id) => [id, AGAIN, PATH, id === 1 ? A : B]));
    expect(givenBack(appends.calls)).toEqual([
      [B, 2, AGAIN, PATH],
      [A, 1, AGAIN, PATH],
    ]);
    expect(outcome()).toEqual(['reaped', 'reaped', 1, 2]);
  });
});

describe('a store that does not answer', () => {
  test.each([['read'], ['finish']])('to %s is asked until it does', async (name) => {
    const { put, reaper, run, readAll, links, outcome, away, returned } = await setUpReaper();
    await put(A, sent(1));
    away.add(name);
    const reaped = reaper.reap(C);
    await run();
    for (const node of [A, B]) links.to(node).acknowledge(1);
    await run(2000);
    expect(outcome()).toEqual(['reaping', 'dead', 0, 0]);
    away.clear();
    await readAll(reaped);
    expect([returned.length, outcome()]).toEqual([1, ['reaped', 'reaped', 1, 1]]);
  });

  test('to the first question: the next renewal of the lease asks again', async () => {
    const { reaper, run, readAll, outcome, away, calls } = await setUpReaper();
    away.add('take');
    await reaper.reap(C);
    await run(2000);
    expect([calls, outcome()]).toEqual([['take'], ['open', 'dead', 0, 0]]);
    away.clear();
    await readAll(reaper.reap(C));
    expect(outcome()).toEqual(['reaped', 'reaped', 1, 0]);
  });

  test('while the lock is renewed: it goes on if nobody else has taken it', async () => {
    const { put, reaper, run, readAll, outcome, away } = await setUpReaper();
    await put(B, sent(1));
    const reaped = reaper.reap(C);
    await run(100);
    away.add('take');
    await run(10_000);
    away.clear();
    await readAll(reaped);
    expect(outcome()).toEqual(['reaped', 'reaped', 1, 1]);
  });
});

test('a node that has been reaped, but not buried, is buried', async () => {
  const { reaper, shared, outcome, calls } = await setUpReaper();
  const { reaping } = createEmbeddedStore(shared);
  const taken = await reaping.take(C, B, LEASE_MS);
  if (taken.kind !== 'held') throw new Error(taken.kind);
  await reaping.finish(taken.lock);
  await reaper.reap(C);
  expect([calls, outcome()]).toEqual([['take'], ['reaped', 'reaped', 0, 0]]);
});

test('a node is reaped once at a time, however often that is asked for', async () => {
  const { put, reaper, readAll, calls, returned } = await setUpReaper();
  await put(A, sent(1));
  const all = [1, 2, 3].map(() => reaper.reap(C));
  await Promise.all(all.map((one) => readAll(one)));
  expect([returned.length, calls.filter((call) => call === 'finish').length]).toEqual([1, 1]);
});

test('a reaper that has stopped does nothing more', async () => {
  const { put, reaper, run, outcome, calls, away, world } = await setUpReaper();
  await put(A, sent(1));
  away.add('read');
  const reaped = reaper.reap(C);
  await run();
  reaper.stop();
  away.clear();
  await run(1000);
  await reaped;
  await reaper.reap(C);
  expect([calls, outcome(), world.pending]).toEqual([['take', 'read', 'read'], ['reaping', 'dead', 0, 0], 0]);
});
