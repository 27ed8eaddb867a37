import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Store } from '../../../services/relay/src/core/ports.ts';
import { connectTo, untilHealthy } from '../../contract/implementation.ts';
import { Flow } from '../../kit/flow.ts';
import { joinPeer } from '../../kit/peer.ts';
import { Reader } from '../../kit/reader.ts';
import { type RedisDeployment, startRedisCluster } from '../../kit/redis.ts';
import { type Env, type Relay, startRelay } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import { numbered, outcomes } from '../fixture.ts';
import { booked, untilFlushed } from './books.ts';

const ENV = { CAUSEWAY_USAGE_FLUSH_SECONDS: '1', CAUSEWAY_USAGE_PEERS: 'on', CAUSEWAY_DRAIN_SECONDS: '5' };
const servers = new Scope();
const scope = new Scope();
let redis: RedisDeployment;
let store: Store;

beforeAll(async () => {
  redis = servers.keep(await startRedisCluster({ replicas: 0 }));
  store = connectTo(redis.url);
  await untilHealthy(store);
});
afterEach(() => scope.end());
afterAll(async () => {
  await store.close();
  await servers.end();
});

const start = async (env: Env = {}): Promise<Relay> => scope.keep(await startRelay({ redis, env: { ...ENV, ...env } }));
const bytesOf = (payloads: readonly Uint8Array[]) => payloads.reduce((sum, { length }) => sum + length, 0);

/** Sends all payloads in the realm, over one connection. */
async function flow(relay: Relay, realm: string, from: string, to: string, payloads: Uint8Array[]): Promise<Flow> {
  return scope.keep(await new Flow({ url: relay.url, realm, from, to, payloads, window: 64 }).start());
}

async function reader(relay: Relay, realm: string, peer: string): Promise<Reader> {
  const one = scope.keep(new Reader({ peer, realm }));
  await one.connect(relay.url);
  return one;
}

test('relays that are told to stop have booked all that their clients sent and were shown', async () => {
  // Later than the test ends: what is booked is booked by the stop.
  const env = { CAUSEWAY_USAGE_FLUSH_SECONDS: '300' };
  const [a, b] = [await start(env), await start(env)];
  const realm = 'exact';
  const near = await reader(a, realm, 'near');
  const far = await reader(b, realm, 'far');
  const late = scope.keep(new Reader({ peer: 'late', realm }));
  const [some, more, stored] = [numbered(300), numbered(500), numbered(200)];
  const flows = [
    await flow(a, realm, 'one', 'near', some),
    await flow(a, realm, 'two', 'far', more),
    await flow(b, realm, 'three', 'late', stored),
  ];
  await Promise.all([...flows.map((each) => each.finish()), near.until(300), far.until(500)]);
  await late.connect(a.url);
  await late.until(200);
  expect(flows.map(({ sends }) => sends)).toEqual([300, 500, 200]);
  expect(await Promise.all([a.stop(), b.stop()])).toEqual([0, 0]);
  const messages = { messagesIn: 1000, messagesOut: 1000 };
  const bytes = bytesOf([...some, ...more, ...stored]);
  expect(await booked(store, realm)).toMatchObject({ ...messages, bytesIn: bytes, bytesOut: bytes, tunnelBytes: 0 });
  expect(await booked(store, realm, 'two')).toMatchObject({ messagesIn: 500, bytesIn: bytesOf(more), messagesOut: 0 });
  expect(await booked(store, realm, 'late')).toMatchObject({ messagesIn: 0, messagesOut: 200 });
});

test('what is refused, and what is shown again, does not count', async () => {
  const relay = await start();
  const realm = 'refused';
  const alice = await joinPeer({ url: relay.url }, { peer: 'alice', realm });
  const bob = scope.keep(new Reader({ peer: 'bob', realm }));
  await bob.connect(relay.url, { acks: false });
  alice.message('bob', 'taken', { id: 1 });
  alice.message('bob', new Uint8Array(70_000), { id: 2 });
  expect(await outcomes(alice, 2)).toEqual(['too_large']);
  await bob.untilDelivered(1);
  bob.connection.terminate();
  expect(await outcomes(alice, 1)).toEqual(['queued']);
  await bob.connect(relay.url);
  await bob.untilDelivered(2);
  expect([bob.shown.length, bob.duplicates]).toEqual([1, 1]);
  await relay.stop();
  expect(await booked(store, realm)).toMatchObject({ messagesIn: 1, bytesIn: 5, messagesOut: 1, bytesOut: 5 });
});

test('time in a mailbox counts with the bytes that it holds, time of connections for each', async () => {
  const relay = await start();
  const realm = 'time';
  const startedAt = Date.now();
  const alice = await joinPeer({ url: relay.url }, { peer: 'alice', realm });
  const joinedAt = Date.now();
  const payload = new Uint8Array(60_000);
  const sentAt = Date.now();
  for (let id = 1; id <= 100; id += 1) alice.message('bob', payload, { id });
  const queued = await outcomes(alice, ...Array.from({ length: 100 }, (_, index) => index + 1));
  expect(new Set(queued)).toEqual(new Set(['queued']));
  const queuedAt = Date.now();
  await untilFlushed(relay);
  const readAt = Date.now();
  await (await reader(relay, realm, 'bob')).until(100);
  const leftAt = Date.now();
  await relay.stop();
  const endedAt = Date.now();
  const { storedByteSeconds, connectionMs } = await booked(store, realm);
  // A mailbox counts 8 bytes and the sender's name with each message.
  const bytes = 100 * (60_000 + 8 + 'alice'.length);
  expect(storedByteSeconds).toBeGreaterThanOrEqual(Math.floor((bytes * (readAt - queuedAt)) / 1000) - 1);
  expect(storedByteSeconds).toBeLessThanOrEqual((bytes * (endedAt - sentAt)) / 1000);
  expect(connectionMs).toBeGreaterThanOrEqual(leftAt - joinedAt);
  expect(connectionMs).toBeLessThanOrEqual(endedAt - startedAt + endedAt - readAt);
});

test('a relay that is killed takes at most what came after its last flush, and nothing counts twice', async () => {
  const [a, b] = [await start(), await start({ CAUSEWAY_NODE_LEASE_MS: '1000' })];
  const realm = 'killed';
  const [near, far] = [await reader(a, realm, 'near'), await reader(b, realm, 'far')];
  const plenty = numbered(100_000);
  const flows = [await flow(a, realm, 'one', 'near', plenty), await flow(a, realm, 'two', 'far', plenty)];
  await Promise.all([near.until(500), far.until(500)]);
  const receipted = () => flows.reduce((sum, { outcomes: { size } }) => sum + size, 0);
  const [taken, shown] = [receipted(), near.shown.length];
  await untilFlushed(a);
  a.kill('SIGKILL');
  await a.exited;
  const failures = await Promise.allSettled(flows.map((each) => each.finish()));
  expect(failures.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  const usage = await booked(store, realm);
  const sends = flows.reduce((sum, each) => sum + each.sends, 0);
  expect(usage.messagesIn).toBeGreaterThanOrEqual(taken);
  expect(usage.messagesIn).toBeLessThanOrEqual(sends);
  const ofNear = await booked(store, realm, 'near');
  expect(ofNear.messagesOut).toBeGreaterThanOrEqual(shown);
  expect(ofNear.messagesOut).toBeLessThanOrEqual(near.shown.length);
  await b.stop();
  expect((await booked(store, realm, 'far')).messagesOut).toBe(far.shown.length);
  expect(flows.map((each) => each.faults)).toEqual([[], []]);
});
