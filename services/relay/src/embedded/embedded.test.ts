import type { NodeId, PeerId, RealmName } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import { peerKey } from '../core/address.ts';
import type { MailboxLimits, RegisterRequest } from '../core/ports.ts';
import { createEmbeddedCluster } from './cluster.ts';
import { createEmbeddedStore } from './store.ts';

const HOUR = 3_600_000;
const LIMITS: MailboxLimits = { messages: 10, bytes: 1000, ttlMs: HOUR };
const NODE = 'n' as NodeId;

function peer(name: string) {
  return peerKey('r' as RealmName, name as PeerId);
}

function request(name: string): RegisterRequest {
  return {
    key: peer(name),
    node: NODE,
    connection: name,
    resumeHash: '',
    attempt: null,
    sticky: false,
    ttlMs: HOUR,
    limits: {},
    mailboxTtlMs: HOUR,
    reclaims: 0,
  };
}

function setUp() {
  let now = 1_000_000;
  const cluster = createEmbeddedCluster(() => now);
  const store = createEmbeddedStore(cluster);
  return { cluster, store, advance: (ms: number) => (now += ms) };
}

describe('memory', () => {
  test('offline peers, their mailboxes, accounts, rooms and removed logs are swept when their time is over', async () => {
    const { cluster, store, advance } = setUp();
    const message = { id: 1, from: 'a' as PeerId, payload: new Uint8Array(5), again: false };
    for (let index = 0; index < 5000; index++) {
      await store.directory.locateOrStore(peer(`p${index}`), { node: NODE, sequence: 1 }, [message], LIMITS);
    }
    await store.presence.watch(peer('watched'), NODE, 1000);
    await store.ledger.update('r' as RealmName, [{ slice: 1, messages: 1, bytes: 1 }], 0, HOUR);
    await store.rooms.open('r' as RealmName, { owner: peer('p'), ref: 1 }, [1], HOUR, 10);
    await store.rooms.take('looked at' as RealmName, '1234');
    await store.inbox.open(NODE);
    await store.inbox.remove(NODE);
    advance(HOUR);
    for (let round = 0; round < 4; round++) cluster.sweep();
    expect([cluster.peers.size, cluster.realms.size, cluster.logs.size]).toEqual([5000, 0, 1]);
    expect(cluster.rooms.size).toBe(0);
    advance(60_000);
    for (let round = 0; round < 4; round++) cluster.sweep();
    expect([cluster.peers.size, cluster.logs.size]).toEqual([0, 1]);
    advance(23 * HOUR);
    cluster.sweep();
    expect(cluster.logs.size).toBe(0);
    await store.close();
  });

  test('a connected peer stays, also when refreshes are missed; a released one goes with its reservation', async () => {
    const { cluster, store, advance } = setUp();
    await store.directory.register(request('online'));
    const left = await store.directory.register(request('left'));
    if (left.kind !== 'registered') throw new Error(left.kind);
    const location = { node: NODE, epoch: left.epoch };
    await store.mailbox.append(peer('left'), location, { node: NODE, sequence: 1 }, [], LIMITS, { seen: '' });
    advance(2 * HOUR);
    cluster.sweep();
    expect([...cluster.peers.keys()]).toEqual([peer('online')]);
    advance(60_000);
    cluster.sweep();
    expect(cluster.peers.size).toBe(0);
    await store.close();
  });

  test('looking at peers that do not exist leaves nothing behind after a sweep', async () => {
    const { cluster, store } = setUp();
    await store.directory.locateOrStore(peer('x'), { node: NODE, sequence: 1 }, [], LIMITS);
    await store.mailbox.read(peer('y'), '', 10, 1000, HOUR);
    await store.mailbox.remove(peer('z'), []);
    cluster.sweep();
    expect(cluster.peers.size).toBe(0);
    await store.close();
  });

  test('what is stored is a copy: it keeps no packet alive and does not change with it', async () => {
    const { store } = setUp();
    const packet = new Uint8Array(1000).fill(7);
    const message = { id: 1, from: 'a' as PeerId, payload: packet.subarray(10, 15), again: false };
    await store.directory.locateOrStore(peer('p'), { node: NODE, sequence: 1 }, [message], LIMITS);
    packet.fill(0);
    const read = await store.mailbox.read(peer('p'), '', 10, 1000, HOUR);
    if (read.kind !== 'entries') throw new Error(read.kind);
    expect(read.entries[0]?.payload).toEqual(new Uint8Array(5).fill(7));
    expect(read.entries[0]?.payload.buffer.byteLength).toBe(5);
    await store.close();
  });
});

test('a clock that goes back does not give lower ids or epochs', async () => {
  const { store, advance } = setUp();
  const messages = [1, 2].map((id) => ({ id, from: 'a' as PeerId, payload: new Uint8Array(1), again: false }));
  const storeTwo = (sequence: number) =>
    store.directory.locateOrStore(peer('p'), { node: NODE, sequence }, messages, LIMITS);
  expect(await storeTwo(1)).toMatchObject({ entries: ['1000000-0', '1000000-1'] });
  const first = await store.directory.register(request('q'));
  advance(-5000);
  expect(await storeTwo(2)).toMatchObject({ entries: ['1000000-2', '1000000-3'] });
  const second = await store.directory.register({ ...request('q'), connection: 'other' });
  if (first.kind !== 'registered' || second.kind !== 'registered') throw new Error(second.kind);
  expect(second.epoch).toBe(first.epoch + 1);
  await store.close();
});

describe('several nodes of one process', () => {
  test('share peers, links and members', async () => {
    const { cluster, store } = setUp();
    const other = createEmbeddedStore(cluster);
    await store.directory.register(request('p'));
    expect(await other.directory.locateOrStore(peer('p'), { node: NODE, sequence: 1 }, [], LIMITS)).toMatchObject({
      kind: 'located',
      location: { node: NODE },
    });
    await store.inbox.open(NODE);
    const come = new Promise<string>((resolve) => {
      store.inbox.start(NODE, ([entry]) => resolve(Buffer.from(entry?.envelope ?? []).toString()));
    });
    const envelope = Buffer.from('hello');
    const append = {
      from: 'm' as NodeId,
      to: NODE,
      first: 1,
      last: 1,
      acked: 0,
      exempt: false,
      envelope,
      inboxBytes: 1000,
    };
    expect(await other.links.append(append)).toEqual({ kind: 'ok' });
    expect(await come).toBe('hello');
    await Promise.all([store.close(), other.close(), other.close()]);
  });

  test('entries are handed over after the append, not within it', async () => {
    const { store } = setUp();
    await store.inbox.open(NODE);
    let handed = 0;
    const come = new Promise<void>((resolve) => {
      store.inbox.start(NODE, (entries) => {
        handed += entries.length;
        if (handed === 1500) resolve();
      });
    });
    for (let sequence = 1; sequence <= 1500; sequence++) {
      const envelope = Buffer.alloc(1);
      const append = {
        from: NODE,
        to: NODE,
        first: sequence,
        last: sequence,
        acked: 0,
        exempt: false,
        envelope,
        inboxBytes: 1e6,
      };
      await store.links.append(append);
    }
    expect(handed).toBe(0);
    await come;
    await store.close();
  });
});

test('envelopes for tunnels are handed over after the append, not within it, and go with the inbox', async () => {
  const { cluster, store } = setUp();
  await store.inbox.open(NODE);
  const writer = store.tunnels.writer(NODE, 1000);
  const append = () => writer.append(new Uint8Array(10));
  let handed = 0;
  const come = new Promise<void>((resolve) => {
    store.tunnels.start(NODE, (envelopes) => {
      handed += envelopes.length;
      if (handed === 100) resolve();
    });
  });
  for (let count = 1; count <= 100; count++) expect(await append()).toEqual({ kind: 'ok' });
  expect([handed, (await append()).kind]).toEqual([0, 'full']);
  await come;
  await store.tunnels.stop();
  await append();
  await store.inbox.remove(NODE);
  expect(cluster.logs.get(NODE)?.tunnels).toEqual({ envelopes: [], bytes: 0 });
  expect(cluster.tunnelReaders.size).toBe(0);
  await store.close();
});

test('a bucket goes on to fill when the clock has gone back', async () => {
  const { store, advance } = setUp();
  const buckets = { messages: { perSecond: 100, burst: 100 }, bytes: null };
  const none = { messages: 0, bytes: 0 };
  let sequence = 0;
  const lease = () => {
    sequence += 1;
    const request = { scope: { kind: 'cluster' }, node: NODE, sequence, version: 1, buckets, give: none } as const;
    return store.buckets.lease({ ...request, want: { messages: 100, bytes: 0 }, weight: 1, keepMs: 180 });
  };
  await lease();
  advance(-60_000);
  expect(await lease()).toMatchObject({ granted: none });
  advance(100);
  expect(await lease()).toMatchObject({ granted: { messages: 10, bytes: 0 } });
});
