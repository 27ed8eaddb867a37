import type { NodeId, PeerId, RealmName } from '@causeway/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PeerKey } from '../../services/relay/src/core/address.ts';
import type { Location, Store } from '../../services/relay/src/core/ports.ts';
import { LIMITS, newWriter, of, request } from '../contract/fixtures.ts';
import { connectTo, untilHealthy } from '../contract/implementation.ts';
import { loadRedisFixture, type RedisFixture } from '../fixtures/load.ts';
import { complaints } from '../kit/observe.ts';
import { connectPeer } from '../kit/peer.ts';
import { type RedisDeployment, startRedis } from '../kit/redis.ts';
import { startRelay } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';
import { waitFor } from '../kit/wait.ts';
import { outcomes, text } from './fixture.ts';

/** Names in the fixture. */
const A = 'node-a' as NodeId;
const B = 'node-b' as NodeId;
const LEAVING = 'node-c' as NodeId;
const LEFT = 'node-d' as NodeId;
const ONLINE = 'default/online' as PeerKey;
const MOVED = 'default/moved' as PeerKey;
const AWAY = 'default/away' as PeerKey;

const NEW = 'node-new' as NodeId;
const LEASE_MS = 60_000;

const scope = new Scope();
let redis: RedisDeployment;
let store: Store;
let fixture: RedisFixture;

beforeEach(async () => {
  redis = scope.keep(await startRedis());
  fixture = await loadRedisFixture('redis-0.1.0', redis);
  store = connectTo(redis.url);
  scope.keep({ stop: () => store.close() });
  await untilHealthy(store);
});
afterEach(() => scope.end());

const at = (node: NodeId, epoch: number): Location => ({ node, epoch });
const renew = async (node: NodeId) =>
  of('renewed', await store.membership.renew({ node, region: '', url: '', connections: 0, state: 'live' }, LEASE_MS));
const append = (to: NodeId, from: NodeId, first: number) =>
  store.links.append({
    ...{ from, to, first, last: first, acked: 0 },
    ...{ exempt: false, envelope: Buffer.of(1), inboxBytes: 1_000_000 },
  });

test('the record of a node lacks what later releases added, and serves all the same', async () => {
  const { nodes } = await renew(NEW);
  expect(nodes.find(({ node }) => node === NEW)).toMatchObject({ v: 1, release: '' });
  expect(nodes.find(({ node }) => node === B)).toMatchObject({ state: 'draining', connections: 2, region: 'eu' });
  expect(nodes.find(({ node }) => node === B)).not.toHaveProperty('steadySince');
  expect(await store.membership.declareDead(A, B, 1)).toEqual({ kind: 'refused' });
  expect(await store.membership.declareDead(A, NEW, 0)).toEqual({ kind: 'declared' });
  expect(await store.membership.renew({ node: A, region: '', url: '', connections: 0, state: 'live' }, 1)).toEqual({
    kind: 'dead',
  });
  expect(await store.membership.bury(A)).toEqual({ kind: 'buried' });
  expect(await store.membership.leave(B)).toEqual({ kind: 'left' });
});

test('a lease that does not say since when it is steady counts as new', async () => {
  const client = redis.nodes[0]?.client;
  const { now, nodes } = await renew(NEW);
  const record = { ...nodes.find(({ node }) => node === B), leaseUntil: now + 2 * LEASE_MS };
  await client?.hset('cw:{nodes}', B, JSON.stringify(record));
  expect(await store.membership.declareDead(A, B, 1)).toEqual({ kind: 'refused' });
  const own = (await renew(B)).nodes.find(({ node }) => node === B);
  expect(own).toMatchObject({ state: 'live', v: 1 });
  expect(own?.steadySince).toBeGreaterThan(own?.since ?? Number.POSITIVE_INFINITY);
});

test('what an earlier release counts of a link goes on', async () => {
  expect(await append(B, A, 10)).toEqual({ kind: 'dup' });
  expect(await append(B, A, 12)).toEqual({ kind: 'gap', last: 10 });
  expect(await append(B, A, 11)).toEqual({ kind: 'ok' });
  expect(await append(B, NEW, 1)).toEqual({ kind: 'ok' });
  expect(await append(LEAVING, A, 2)).toEqual({ kind: 'reaping' });
  expect(await append(LEFT, A, 1)).toEqual({ kind: 'reaped', last: 0 });
  expect(await store.inbox.open(A)).toEqual({ kind: 'opened', created: false });
  for (const node of [LEAVING, LEFT]) expect(await store.inbox.open(node)).toEqual({ kind: 'ended' });
});

test('inboxes are reaped that were open, and that were being closed', async () => {
  for (const [node, count] of [
    [A, 1],
    [B, 2],
    [LEAVING, 1],
  ] as const) {
    const { lock } = of('held', await store.reaping.take(node, NEW, LEASE_MS));
    expect(lock).toEqual({ dead: node, reaper: NEW, token: 1 });
    expect(of('entries', await store.reaping.read(node, '', 10)).entries.length).toBe(count);
    expect(await append(node, A, 11)).toEqual({ kind: 'reaping' });
    expect(await store.reaping.finish(lock)).toEqual({ kind: 'finished' });
  }
  expect(await append(B, A, 11)).toEqual({ kind: 'reaped', last: 10 });
  expect(await store.reaping.take(LEFT, NEW, LEASE_MS)).toEqual({ kind: 'reaped' });
});

test('a registration is found, refreshed, handed over and watched', async () => {
  const { online, moved } = fixture.epochs;
  const locate = (key: PeerKey) => store.directory.locateOrStore(key, newWriter()(), [], LIMITS);
  expect(await locate(ONLINE)).toEqual({ kind: 'located', location: at(A, online) });
  expect(await store.directory.refresh(ONLINE, at(A, online), LEASE_MS)).toMatchObject({ kind: 'refreshed' });
  expect(await store.presence.watch(ONLINE, NEW, LEASE_MS)).toMatchObject({ online: true, epoch: online, node: A });

  const registered = of('registered', await store.directory.register(request(MOVED, { node: NEW })));
  expect(registered.prev).toEqual([at(A, moved[0]), at(B, moved[1])]);
  const end = (location: Location) => store.mailbox.append(MOVED, location, newWriter(NEW)(), [], LIMITS, { seen: '' });
  expect(await end(at(B, moved[1]))).toEqual({ kind: 'wait', head: at(A, moved[0]) });
  expect(await end(at(A, moved[0]))).toMatchObject({ handedOver: { next: at(B, moved[1]) } });
});

test('a reservation is renewed by its secret, with the limits that it was given, and its watchers are known', async () => {
  const resumeHash = 'ab'.repeat(32);
  const reply = await store.directory.register(request(ONLINE, { node: NEW, resumeHash, attempt: 8, sticky: true }));
  expect(reply).toMatchObject({ renewed: true, limits: { messagesPerSecond: 50 }, watchers: [B] });
  expect(await store.directory.register(request(ONLINE, { sticky: true }))).toEqual({ kind: 'peer_in_use' });
});

test('a mailbox is read in order, and what was acknowledged is removed', async () => {
  const { entries } = fixture;
  const messages = of('entries', await store.mailbox.read(AWAY, '', 10, 1_000_000, LIMITS.ttlMs)).entries;
  expect(messages.map(({ entry, id, from, payload, again }) => [entry, id, from, text(payload), again])).toEqual([
    [entries[0], 1001, 'alice', 'first', true],
    [entries[1], 2n ** 63n + 5n, 'boris', 'zweite', false],
    [entries[2], 1002, 'alice', 'third', false],
    [entries[3], 1003, 'alice', 'fourth', false],
  ]);
  const registered = of('registered', await store.directory.register(request(AWAY, { node: NEW })));
  expect(registered).toMatchObject({ queued: 4, seen: entries[0] });
  expect(of('removed', await store.mailbox.remove(AWAY, entries)).removed.map(({ bytes }) => bytes)).toEqual([
    18, 19, 18, 19,
  ]);
});

test('a write that an earlier release made is recognised when it is repeated', async () => {
  const write = { id: 1003, from: 'alice' as PeerId, payload: Buffer.from('fourth'), again: false };
  const repeated = await store.directory.locateOrStore(AWAY, { node: A, sequence: 5 }, [write], LIMITS);
  expect(repeated).toMatchObject({ kind: 'stored', count: 1 });
  expect(of('entries', await store.mailbox.read(AWAY, '', 10, 1_000_000, LIMITS.ttlMs)).entries.length).toBe(4);
});

test('the account of a realm goes on', async () => {
  const reply = await store.ledger.update(
    'default' as RealmName,
    [{ slice: 101, messages: 1, bytes: 3 }],
    101,
    LEASE_MS,
  );
  expect(reply).toEqual({ kind: 'updated', bytes: 23, expiredMessages: 4, expiredBytes: 77 });
});

test('a relay takes over where nodes of an earlier release died', async () => {
  const relay = scope.keep(await startRelay({ redis, env: { CAUSEWAY_NODE_LEASE_MS: '500' } }));
  const reaped = async () => (await relay.metrics()).value('causeway_nodes_reaped_total');
  await waitFor(async () => (await reaped()) === 2, { what: 'both dead nodes are reaped', timeoutMs: 30_000 });

  const away = scope.keep(await connectPeer({ url: relay.url, autoAck: true }));
  await away.hello({ peer: 'away' });
  const shown = [];
  for (let count = 0; count < 4; count += 1) shown.push(text((await away.next('deliver')).payload));
  expect(shown).toEqual(['first', 'zweite', 'third', 'fourth']);

  // Their registrations are ended by whoever meets one: the sender of a message, and the peer when it comes back.
  away.message('online', 'a');
  away.message('moved', 'b');
  expect(await outcomes(away, 1, 2)).toEqual(['queued', 'queued']);
  for (const [peer, payload] of [
    ['online', 'a'],
    ['moved', 'b'],
  ]) {
    const back = scope.keep(await connectPeer({ url: relay.url, autoAck: true }));
    await back.hello({ peer: String(peer) });
    expect(text((await back.next('deliver')).payload)).toBe(payload);
  }
  expect(complaints(relay)).toEqual([]);
});
