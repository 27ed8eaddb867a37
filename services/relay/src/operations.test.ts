import type { NodeId, PeerId, RealmName } from '@causeway/protocol';
import { afterEach, describe, expect, test } from 'vitest';
import { HOUR, LIMITS, leave, messages, newWriter, of, register, storedIds } from '../../../test/contract/fixtures.ts';
import { type PeerKey, peerKey } from './core/address.ts';
import type { Clock, Timers } from './core/clock.ts';
import { Policy } from './core/policy.ts';
import type { Removed, Store } from './core/ports.ts';
import { createEmbeddedCluster } from './embedded/cluster.ts';
import { createEmbeddedStore } from './embedded/store.ts';
import type { RelayControls } from './operations/controls.ts';
import { createOperations } from './operations.ts';

const clock: Clock = { now: () => Date.now() };
const timers: Timers = {
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
  soon: (call) => void setImmediate(call),
};
const GAUGES = {
  connections: 3,
  registrations: 2,
  catchingUp: 0,
  cachedRoutes: 0,
  linkFrames: 0,
  linkBytes: 0,
  inboxUnsettled: 0,
  watchedPeers: 0,
  sendsPending: 0,
  tunnelEnds: 0,
  tunnelBytes: 0,
};
const POLICY = new Policy({ realms: { acme: { peer: { messages: { perSecond: 5 } } } } }, 1, 100);

const stores: Store[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

/** What one of the nodes was made to do. */
interface Done {
  readonly orders: unknown[];
  readonly purged: Removed[];
  readonly errors: unknown[];
}

/** Nodes whose relays only note what they are told; `deaf` ones hear no notices. */
function cluster(names: readonly string[], deaf: readonly string[] = []) {
  const shared = createEmbeddedCluster();
  const records = names.map((name) => ({
    node: name as NodeId,
    region: '',
    url: '',
    connections: 1,
    leaseUntil: 1,
    since: 1,
    steadySince: 1,
    state: 'live' as const,
  }));
  return names.map((name) => {
    const store = createEmbeddedStore(shared);
    stores.push(store);
    const done: Done = { orders: [], purged: [], errors: [] };
    const online = new Map<PeerKey, Awaited<ReturnType<typeof register>>>();
    const controls: RelayControls = {
      node: name as NodeId,
      connections: 3,
      nodes: () => records,
      gauges: () => GAUGES,
      echo: async () => true,
      drain: () => void done.orders.push('drain'),
      rebalance(limit) {
        done.orders.push(['rebalance', limit]);
        return { kind: 'balanced', mean: 1 };
      },
      checkConsistency: async () => ({ ok: true, checks: [] }),
      disconnect(key, reason) {
        const registration = online.get(key);
        if (registration === undefined) return false;
        done.orders.push(['disconnect', key, reason]);
        online.delete(key);
        void leave(store, key, registration);
        return true;
      },
      window: (key) => (online.has(key) ? { messages: 1, bytes: 40 } : null),
      purged: (_realm, removed) => void done.purged.push(...removed),
      allow: async () => ({ allowed: true }),
    };
    const notices = { publish: store.notices.publish.bind(store.notices), onNotice: () => undefined };
    const heard = deaf.includes(name) ? { ...store, notices } : store;
    const ignore = () => undefined;
    const operations = createOperations({
      store: heard,
      relay: () => controls,
      policy: () => POLICY,
      defaultAuth: 'open',
      mailboxTtlMs: HOUR,
      drainMs: 1000,
      clock,
      timers,
      log: { debug: ignore, info: ignore, warn: ignore, error: (fields) => void done.errors.push(fields) },
    });
    const join = async (key: PeerKey) => {
      const registration = await register(store, key, { node: name as NodeId });
      online.set(key, registration);
      return registration;
    };
    return { store, operations, done, join };
  }) as [Node, Node, Node];
}
type Node = {
  readonly store: Store;
  readonly operations: ReturnType<typeof createOperations>;
  readonly done: Done;
  join(key: PeerKey): Promise<Awaited<ReturnType<typeof register>>>;
};

const ALICE = peerKey('acme' as RealmName, 'alice' as PeerId);

async function fill({ store }: Node, count: number): Promise<void> {
  of('stored', await store.directory.locateOrStore(ALICE, newWriter()(), messages(count), LIMITS));
}

describe('nodes', () => {
  test('are listed with their load, those that do not answer without', async () => {
    const [one] = cluster(['one', 'two', 'three'], ['three']);
    const nodes = await one.operations.nodes.list();
    expect(nodes.map(({ node, self, connections, load }) => [node, self, connections, load?.registrations])).toEqual([
      ['one', true, 3, 2],
      ['two', false, 3, 2],
      ['three', false, 1, undefined],
    ]);
    expect(nodes[1]?.load?.lagMs).toEqual(expect.any(Number));
  });

  test('do what one is told through another, and only that one', async () => {
    const [one, two, three] = cluster(['one', 'two', 'three']);
    expect(await one.operations.nodes.tell('two' as NodeId, { kind: 'drain' })).toEqual({ kind: 'published' });
    await one.operations.nodes.tell('two' as NodeId, { kind: 'rebalance', limit: null });
    await one.operations.nodes.tell('two' as NodeId, { kind: 'rebalance', limit: 5 });
    expect(await one.operations.nodes.tell('nobody' as NodeId, { kind: 'drain' })).toEqual({ kind: 'unknown' });
    expect([one, two, three].map(({ done }) => done.orders)).toEqual([
      [],
      ['drain', ['rebalance', undefined], ['rebalance', 5]],
      [],
    ]);
  });
});

describe('a peer', () => {
  test('is looked at on whichever node it is', async () => {
    const [one, two] = cluster(['one', 'two']);
    expect(await one.operations.peers.look(ALICE)).toEqual({ kind: 'unknown' });
    const { epoch } = await two.join(ALICE);
    const { view } = of('looked', await one.operations.peers.look(ALICE));
    expect(view).toMatchObject({
      record: { owner: { node: 'two', epoch } },
      window: { messages: 1, bytes: 40 },
      limits: { peer: { messages: { perSecond: 5 } }, realm: { messages: null } },
    });
  });

  test('is disconnected on another node; when it is offline, that is the answer', async () => {
    const [one, two] = cluster(['one', 'two']);
    await two.join(ALICE);
    expect(await one.operations.peers.disconnect(ALICE, 'enough')).toEqual({ kind: 'disconnected' });
    expect(two.done.orders).toEqual([['disconnect', ALICE, 'enough']]);
    expect(await one.operations.peers.disconnect(ALICE, 'enough')).toEqual({ kind: 'offline' });
  });

  test('whose node does nothing is not said to be disconnected', async () => {
    const [one, two] = cluster(['one', 'two'], ['two']);
    await two.join(ALICE);
    expect(await one.operations.peers.disconnect(ALICE, 'enough')).toMatchObject({ kind: 'unavailable' });
  });

  test('has its mailbox purged in parts, all of it booked', async () => {
    const [one] = cluster(['one']);
    expect(await one.operations.peers.purge(ALICE)).toEqual({ kind: 'unknown' });
    await fill(one, 450);
    expect(await one.operations.peers.purge(ALICE)).toEqual({ kind: 'purged', messages: 450, bytes: 9000 });
    expect([one.done.purged.length, await storedIds(one.store, ALICE)]).toEqual([450, []]);
  });

  test('is erased: disconnected first, then nothing is left, and all of it booked', async () => {
    const [one, two] = cluster(['one', 'two']);
    expect(await one.operations.peers.erase(ALICE)).toEqual({ kind: 'unknown' });
    await fill(one, 250);
    await two.join(ALICE);
    expect(await one.operations.peers.erase(ALICE)).toEqual({ kind: 'erased' });
    expect(two.done.orders).toHaveLength(1);
    expect([one.done.purged.length, await one.operations.peers.look(ALICE)]).toEqual([250, { kind: 'unknown' }]);
  });
});

describe('access lists', () => {
  const ban = { kind: 'realm', realm: 'acme' as RealmName, reason: '', until: null };

  test('changed from two nodes at once keep both entries', async () => {
    const [one, two] = cluster(['one', 'two']);
    const replies = await Promise.all(
      [one, two, one, two].map(({ operations }) => operations.access.add('bans', ban, 'operate:x')),
    );
    const ids = replies.map((reply) => of('changed', reply).id);
    const { lists, version } = of('access', await two.operations.access.look());
    expect([lists.bans.map((entry) => (entry as { id: string }).id).sort(), version]).toEqual([ids.sort(), 4]);
    expect(await one.operations.access.remove('allow', ids[0] as string, '')).toEqual({ kind: 'missing' });
    expect(await one.operations.access.remove('bans', ids[0] as string, '')).toEqual({ kind: 'changed', version: 5 });
    expect(await one.operations.access.remove('bans', ids[0] as string, '')).toEqual({ kind: 'missing' });
  });

  test('refuse what is no entry, with the field', async () => {
    const [one] = cluster(['one']);
    const entry = { kind: 'address', range: '300.1.1.1', reason: '', until: null };
    expect(await one.operations.access.add('bans', entry, '')).toMatchObject({
      kind: 'invalid',
      problems: [{ path: 'range' }],
    });
    expect(await one.operations.access.look()).toMatchObject({ version: 0 });
  });
});

describe('limits', () => {
  test('are written on the present version only, and rolled back as a new one', async () => {
    const [{ operations }] = cluster(['one']);
    const { limits } = operations;
    const policy = { cluster: { messages: { perSecond: 10 } } };
    expect(await limits.write(policy, 0, 'operate:x', 'first')).toEqual({ kind: 'written', version: 1 });
    expect(await limits.write({}, 0, 'operate:x', '')).toEqual({ kind: 'conflict', version: 1 });
    expect(await limits.write({}, 1, 'operate:x', '')).toEqual({ kind: 'written', version: 2 });
    expect(await limits.rollBack(7, 2, '')).toEqual({ kind: 'unknown' });
    expect(await limits.rollBack(1, 1, '')).toEqual({ kind: 'conflict', version: 2 });
    expect(await limits.rollBack(1, 2, 'operate:x')).toEqual({ kind: 'written', version: 3 });
    const { versions } = of('history', await limits.history(100));
    expect(versions.map(({ version, text, note }) => [version, JSON.parse(text), note])).toEqual([
      [3, policy, 'back to version 1'],
      [2, {}, ''],
      [1, policy, 'first'],
    ]);
  });

  test('that are no policy are refused with the field, and nothing is written', async () => {
    const [{ operations }] = cluster(['one']);
    const policy = { realms: { acme: { realm: { messages: { perSecond: -1 } } } } };
    expect(await operations.limits.write(policy, 0, '', '')).toMatchObject({
      kind: 'invalid',
      problems: [{ path: 'realms.acme.realm.messages.perSecond' }],
    });
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    // As `null` the latter would be no cap.
    for (const text of [`{"realms":${deep}}`, '{"defaults":{"caps":{"connections":1e400}}}']) {
      const reply = await operations.limits.write(JSON.parse(text), 0, '', '');
      expect(reply).toMatchObject({ kind: 'invalid', problems: [{ path: '' }] });
    }
    expect(await operations.limits.read()).toEqual({ kind: 'document', document: null });
  });
});

test('a change that cannot be noted is logged, and stands', async () => {
  const [one] = cluster(['one']);
  const { audit } = one.operations;
  await audit.append('admin:x', 'ban.add', { id: 1 });
  expect(of('entries', await audit.read(10)).entries).toMatchObject([
    { node: 'one', by: 'admin:x', details: '{"id":1}' },
  ]);
  const unavailable = { kind: 'unavailable' as const, reason: 'away' };
  Object.assign(one.store.auditTrail, { append: async () => unavailable });
  await audit.append('admin:x', 'ban.remove', { id: 1 });
  expect(one.done.errors).toMatchObject([{ action: 'ban.remove', by: 'admin:x', reason: 'away' }]);
});
