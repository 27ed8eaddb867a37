import { type NodeId, type PeerId, PRESENCE_GRACE_MS } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { A, B, C, key, Script, UNAVAILABLE } from '../../../../test/simulation/core-kit.ts';
import { World } from '../../../../test/simulation/world.ts';
import type { PeerKey } from './address.ts';
import type { Connection } from './connection.ts';
import { Counters } from './counters.ts';
import type { NodeLinks } from './node-links.ts';
import type { Presence } from './ports.ts';
import { PresenceBoard, WatchList } from './presence-board.ts';

const BOB = key('bob');
const TTL = 10 * 60_000;

function setUp() {
  const world = new World();
  const watch = new Script<[PeerKey, string, number], Awaited<ReturnType<Presence['watch']>>>();
  const unwatched: PeerKey[] = [];
  const counters = new Counters();
  const linked: string[] = [];
  const links = { to: (node: string) => ({ control: () => linked.push(node) }) } as unknown as NodeLinks;
  const presence = {
    watch: watch.call,
    unwatch: async (peer: PeerKey) => {
      unwatched.push(peer);
      return { kind: 'unwatched' };
    },
  } as unknown as Presence;
  const dead = new Set<NodeId>();
  const ended: unknown[] = [];
  const board = new PresenceBoard({
    ...{ self: A, presence, links, clock: world, timers: world, counters },
    isDead: (node) => dead.has(node),
    endFor: (peer, { node, epoch }) => ended.push([peer, node, epoch]),
  });
  const told: string[] = [];
  const watcher = (name: string) =>
    ({
      send: ({ peer, online, at }: { peer: string; online: boolean; at: number }) =>
        told.push(`${name}: ${peer} ${online ? 'came' : 'left'} ${at}`),
    }) as unknown as Connection;
  const heard = (online: boolean, at: number, epoch: number) => board.heard({ key: BOB, online, at, epoch });
  const state = (online: boolean, at: number, epoch: number, node = online ? B : ('' as const)) =>
    watch.answer({ kind: 'state', online, at, epoch, node }, world);
  return {
    ...{ world, watch, unwatched, counters, linked, board, told, watcher, heard, state, dead, ended },
    run: (ms: number) => world.run(ms, () => false),
  };
}

test('tells the present state as soon as it is known, and to a second watcher at once', async () => {
  const { board, watcher, told, state, watch, world, run } = setUp();
  board.watch(BOB, watcher('x'));
  await watch.answer(UNAVAILABLE, world);
  await run(20);
  await state(true, 5, 1);
  board.watch(BOB, watcher('y'));
  expect([told, watch.calls.length]).toEqual([['x: bob came 5', 'y: bob came 5'], 2]);
});

test('news that came before the state was known count', async () => {
  const { board, watcher, told, heard, state } = setUp();
  board.watch(BOB, watcher('x'));
  heard(true, 7, 3);
  await state(false, 5, 2);
  expect(told).toEqual(['x: bob came 7']);
});

test('a peer that is back within the grace time never left', async () => {
  const { board, watcher, told, heard, state, run } = setUp();
  board.watch(BOB, watcher('x'));
  await state(true, 5, 1);
  heard(false, 6, 1);
  await run(PRESENCE_GRACE_MS - 1);
  heard(true, 7, 2);
  await run(PRESENCE_GRACE_MS);
  expect(told).toEqual(['x: bob came 5']);
  heard(false, 8, 2);
  await run(PRESENCE_GRACE_MS - 1);
  expect(told.length).toBe(1);
  await run(1);
  heard(true, 9, 3);
  expect(told.slice(1)).toEqual(['x: bob left 8', 'x: bob came 9']);
});

test('news of an earlier registration are old', async () => {
  const { board, watcher, told, heard, state, run } = setUp();
  board.watch(BOB, watcher('x'));
  await state(true, 5, 10);
  heard(false, 6, 9);
  await run(PRESENCE_GRACE_MS);
  expect(told).toEqual(['x: bob came 5']);
});

test('without watchers nothing is told, nor waited for, and the store need not tell any more', async () => {
  const { board, watcher, told, heard, state, run, unwatched, world } = setUp();
  const [x, y] = [watcher('x'), watcher('y')];
  board.watch(BOB, x);
  board.watch(BOB, y);
  await state(true, 5, 1);
  heard(false, 6, 1);
  board.unwatch(BOB, x);
  board.unwatch(BOB, x);
  expect([board.size, unwatched]).toEqual([1, []]);
  board.unwatch(BOB, y);
  await run(PRESENCE_GRACE_MS);
  heard(false, 7, 1);
  expect([board.size, unwatched, told.length]).toEqual([0, [BOB], 2]);
  expect(await world.run(1, () => false)).toBe(false);
});

test('a watch that ended before its answer came hears nothing', async () => {
  const { board, watcher, told, state } = setUp();
  const x = watcher('x');
  board.watch(BOB, x);
  board.unwatch(BOB, x);
  await state(true, 5, 1);
  expect([told, board.size]).toEqual([[], 0]);
});

test('renews a watch in the middle of its life', async () => {
  const { board, watcher, state, watch, run } = setUp();
  board.watch(BOB, watcher('x'));
  board.renew();
  await state(true, 5, 1);
  board.renew();
  expect(watch.calls.length).toBe(1);
  await run(TTL / 2);
  board.renew();
  board.renew();
  expect([watch.calls.length, watch.last]).toEqual([2, [BOB, A, TTL]]);
});

test('a node has died: all watches are renewed soon, and owners on it are ended', async () => {
  const { board, watcher, told, state, watch, dead, ended, world } = setUp();
  const carol = key('carol');
  board.watch(BOB, watcher('x'));
  await state(true, 5, 1);
  board.watch(carol, watcher('x'));
  await state(true, 6, 2);
  dead.add(B);
  board.renewAll();
  board.renew();
  expect(watch.calls.slice(2)).toEqual([
    [BOB, A, TTL],
    [carol, A, TTL],
  ]);
  await state(true, 5, 1, B);
  await state(true, 6, 3, C);
  expect([ended, told]).toEqual([[[BOB, B, 1]], ['x: bob came 5', 'x: carol came 6']]);
  board.renewAll();
  board.renew();
  await watch.answer(UNAVAILABLE, world);
  await state(false, 7, 3);
  board.renew();
  expect(watch.calls.slice(6)).toEqual([[BOB, A, TTL]]);
});

test('news that nobody told comes with the renewal, old news does not', async () => {
  const { board, watcher, told, state, run } = setUp();
  board.watch(BOB, watcher('x'));
  await state(true, 5, 3);
  for (const epoch of [2, 3]) {
    board.renewAll();
    board.renew();
    await state(false, 7 + epoch, epoch);
    await run(PRESENCE_GRACE_MS);
  }
  expect(told).toEqual(['x: bob came 5', 'x: bob left 10']);
});

test('a watch that finds an owner on a dead node tells of it, and ends it', async () => {
  const { board, watcher, told, state, dead, ended, heard, run } = setUp();
  dead.add(B);
  board.watch(BOB, watcher('x'));
  await state(true, 5, 1);
  expect([told, ended]).toEqual([['x: bob came 5'], [[BOB, B, 1]]]);
  heard(false, 8, 1);
  await run(PRESENCE_GRACE_MS);
  expect(told.at(-1)).toBe('x: bob left 8');
});

test('at most 500 watches are renewed at a time, then the others', async () => {
  const { board, watcher, state, watch } = setUp();
  const count = 501;
  for (let i = 0; i < count; i += 1) board.watch(key(`p${i}`), watcher('x'));
  for (let i = 0; i < count; i += 1) await state(false, 0, 0);
  board.renewAll();
  board.renew();
  expect(watch.calls.length).toBe(count + 500);
  board.renew();
  expect([watch.calls.length, watch.last[0]]).toEqual([count + 501, key('p500')]);
});

test('a change goes to the nodes that watch, this one included', async () => {
  const { board, watcher, told, linked, counters, state } = setUp();
  board.watch(BOB, watcher('x'));
  await state(false, 0, 0);
  board.changed({ key: BOB, online: true, at: 5, epoch: 1 }, [B, A]);
  expect([linked, told, counters.presenceChanges]).toEqual([[B], ['x: bob left 0', 'x: bob came 5'], 1]);
});

test('a connection watches 256 peers, each once', () => {
  const list = new WatchList();
  const peers = (count: number) => Array.from({ length: count }, (_, i) => `p${i}` as PeerId);
  expect([list.remove('p1' as PeerId), [...list]]).toEqual([false, []]);
  expect(list.add([...peers(256), 'p1' as PeerId])?.length).toBe(256);
  expect(list.add(peers(257))).toBeNull();
  expect(list.add(peers(3))).toEqual([]);
  expect(list.remove('p1' as PeerId)).toBe(true);
  expect(list.add(['p256' as PeerId])).toEqual(['p256']);
  expect([...list].length).toBe(256);
});
