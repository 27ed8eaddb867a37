import { type NodeId, type PeerId, SendFlag } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { A, B, Client, TestCluster, type TestNode } from '../../../../test/simulation/core-kit.ts';
import { type Recorded, RecordingTracer } from '../../../../test/simulation/recording-tracer.ts';
import type { Authenticator } from './authenticator.ts';
import { readEnvelope } from './node-frame-reader.ts';
import { NodeFrame } from './node-frames.ts';
import type { LinkAppend, Store } from './ports.ts';
import { traceFields } from './tracer.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;

/** Two nodes, each with a tracer of its own, and the types of the frames between them. */
async function setUp(authenticator: Partial<Authenticator> = {}) {
  const cluster = new TestCluster();
  cluster.authenticator = { ...cluster.authenticator, ...authenticator };
  const frames: number[] = [];
  const listen = (store: Store): Partial<Store> => ({
    links: {
      append(append: LinkAppend) {
        for (const head = readEnvelope(append.envelope); head?.frames.more; ) frames.push(head.frames.frame().type);
        return store.links.append(append);
      },
    },
  });
  const start = async (node: NodeId): Promise<TestNode & { readonly tracer: RecordingTracer }> => {
    const tracer = new RecordingTracer();
    cluster.tracer = tracer;
    return { ...(await cluster.start(node, {}, listen)), tracer };
  };
  const a = await start(A);
  const b = await start(B);
  const connect = async (node: TestNode, peer: string, traceparent?: string): Promise<Client> => {
    const client = new Client(node.relay);
    client.hello(peer, traceparent === undefined ? {} : { traceparent });
    await cluster.run(5);
    return client;
  };
  return { cluster, a, b, connect, frames, run: (ms = 5) => cluster.run(ms) };
}

const only = (spans: readonly Recorded[]): Recorded => {
  const [span] = spans;
  if (span === undefined || spans.length > 1) throw new Error(`${spans.length} spans instead of one`);
  return span;
};

test('what the client names is the parent of its registration and of each message', async () => {
  const { a, connect, run } = await setUp();
  const alice = await connect(a, 'alice', TRACEPARENT);
  await connect(a, 'bob');
  alice.sendTo('bob', 1);
  await run();
  const [registered, other] = a.tracer.named('register');
  expect(registered).toMatchObject({
    parent: { traceId: TRACE, spanId: SPAN },
    attributes: { 'causeway.realm': 'r', 'causeway.peer': 'alice', 'causeway.outcome': 'registered' },
    failed: false,
  });
  expect(other?.parent).toBeNull();
  expect(a.tracer.open.sort()).toEqual(['deliver', 'send']);
});

test('a message on one node: the send goes on until the receipt, the delivery until the ACK', async () => {
  const { a, connect, run } = await setUp();
  const alice = await connect(a, 'alice');
  const bob = await connect(a, 'bob');
  alice.sendTo('bob', 7, 0, 30);
  await run();
  expect([a.tracer.named('send'), a.tracer.named('deliver')]).toEqual([[], []]);
  bob.say({ type: 'ack', seq: 1 });
  const send = only(a.tracer.named('send'));
  const deliver = only(a.tracer.named('deliver'));
  expect(send).toMatchObject({
    parent: null,
    attributes: {
      ...{ 'causeway.realm': 'r', 'causeway.from': 'alice', 'causeway.to': 'bob', 'causeway.message.id': '7' },
      ...{ 'causeway.message.bytes': 30, 'causeway.outcome': 'delivered' },
    },
  });
  expect(deliver).toMatchObject({
    parent: { spanId: send.context.spanId },
    attributes: { 'causeway.outcome': 'delivered' },
  });
  expect(a.tracer.open).toEqual([]);
});

test('one trace spans two nodes, and messages of one entry are linked with each other', async () => {
  const { a, b, connect, run, cluster } = await setUp();
  const alice = await connect(a, 'alice');
  const bob = await connect(b, 'bob');
  // The first finds out where bob is.
  alice.sendTo('bob', 1);
  await run();
  bob.say({ type: 'ack', seq: 1 });
  await run();
  for (const tracer of [a.tracer, b.tracer]) tracer.spans.length = 0;
  for (const id of [2, 3, 4]) alice.sendTo('bob', id);
  const appendedAt = cluster.world.now();
  await run();
  bob.say({ type: 'ack', seq: 4 });
  await run(20);
  const sends = a.tracer.named('send').map(({ context }) => context);
  const hops = b.tracer.named('hop').sort((one, two) => one.context.spanId.localeCompare(two.context.spanId));
  expect(sends.length).toBe(3);
  const ids = ({ traceId, spanId }: { traceId: string; spanId: string }) => ({ traceId, spanId });
  expect(hops.map(({ parent, links }) => [parent, links].flat().map((one) => one && ids(one)))).toEqual([
    [sends[0], sends[1], sends[2]].map((one) => one && ids(one)),
    [sends[1], sends[0]].map((one) => one && ids(one)),
    [sends[2], sends[0]].map((one) => one && ids(one)),
  ]);
  expect(hops.map(({ attributes, startedAt }) => [attributes['causeway.from_node'], startedAt])).toEqual(
    hops.map(() => [A, appendedAt]),
  );
  const delivered = b.tracer.named('deliver').map(({ parent }) => parent?.spanId);
  expect(delivered).toEqual(hops.map(({ context }) => context.spanId));
  expect([a.tracer.open, b.tracer.open]).toEqual([[], []]);
});

test('between nodes only what is recorded has a frame of its own', async () => {
  const { a, b, connect, run, frames } = await setUp();
  a.tracer.sampled = false;
  const alice = await connect(a, 'alice');
  await connect(b, 'bob');
  frames.length = 0;
  alice.sendTo('bob', 1);
  await run();
  expect(frames.filter((type) => type !== NodeFrame.receipts && type !== NodeFrame.none)).toEqual([NodeFrame.message]);
  a.tracer.sampled = true;
  alice.sendTo('bob', 2);
  await run();
  expect(frames.filter((type) => type === NodeFrame.trace)).toHaveLength(1);
  expect(frames.indexOf(NodeFrame.trace)).toBe(frames.lastIndexOf(NodeFrame.message) - 1);
});

test('a message that is not recorded costs one question, wherever it goes', async () => {
  const { a, b, connect, run } = await setUp();
  for (const { tracer } of [a, b]) tracer.sampled = false;
  const alice = await connect(a, 'alice');
  const bob = await connect(b, 'bob');
  await connect(a, 'carol');
  const before = a.tracer.calls + b.tracer.calls;
  let id = 0;
  for (const to of ['bob', 'carol', 'nobody']) for (let i = 0; i < 10; i += 1) alice.sendTo(to, ++id);
  alice.sendTo(null, ++id);
  alice.sendTo('carol', ++id, 0, 100_000);
  await run(20);
  bob.say({ type: 'ack', seq: 10 });
  await run(20);
  expect(a.tracer.calls + b.tracer.calls - before).toBe(30);
});

test('a node that traces nothing passes over what another says of traces, and keeps the message', async () => {
  const cluster = new TestCluster();
  const tracer = new RecordingTracer();
  cluster.tracer = tracer;
  const a = await cluster.start(A);
  cluster.tracer = null;
  const b = await cluster.start(B);
  const alice = await cluster.connect(a.relay, 'alice');
  const bob = await cluster.connect(b.relay, 'bob');
  alice.sendTo('bob', 1);
  await cluster.run(20);
  expect(bob.take()).toEqual(['deliver 1 alice 1']);
  bob.say({ type: 'ack', seq: 1 });
  await cluster.run(20);
  expect(b.relay.counters.drops.unknown_frame).toBe(0);
  expect(only(tracer.named('send')).attributes['causeway.outcome']).toBe('delivered');
});

test('a message for an offline peer is stored, and drained as a part of the registration', async () => {
  const { a, b, connect, run } = await setUp();
  const alice = await connect(a, 'alice');
  alice.sendTo('bob', 1);
  alice.sendTo('bob', 2, SendFlag.noStore);
  await run();
  const [stored, refused] = a.tracer.named('send');
  const stores = a.tracer.named('mailbox_store');
  expect(only(stores)).toMatchObject({
    parent: { spanId: stored?.context.spanId },
    attributes: { 'causeway.outcome': 'stored' },
  });
  expect([stored, refused].map((span) => [span?.attributes['causeway.outcome'], span?.failed])).toEqual([
    ['queued', false],
    ['offline', true],
  ]);
  await connect(b, 'bob', TRACEPARENT);
  await run();
  const register = only(b.tracer.named('register'));
  expect(only(b.tracer.named('mailbox_drain'))).toMatchObject({
    parent: { spanId: register.context.spanId },
    attributes: { 'causeway.messages': 1, 'causeway.outcome': 'live' },
  });
});

test('what is not acknowledged is written to the mailbox as a part of its trace', async () => {
  const { a, connect, run } = await setUp();
  const alice = await connect(a, 'alice');
  const bob = await connect(a, 'bob');
  alice.sendTo('bob', 1);
  bob.hangUp();
  await run();
  const send = only(a.tracer.named('send'));
  expect(send.attributes['causeway.outcome']).toBe('queued');
  expect(only(a.tracer.named('deliver')).attributes['causeway.outcome']).toBe('queued');
  expect(only(a.tracer.named('mailbox_store')).parent).toMatchObject({ spanId: send.context.spanId });
  expect(a.tracer.open).toEqual([]);
});

test('rooms and tunnels: from the request to what came of it', async () => {
  const { a, b, connect, run } = await setUp();
  const alice = await connect(a, 'alice', TRACEPARENT);
  const bob = await connect(b, 'bob');
  alice.say({ type: 'room_create', ref: 1 });
  alice.say({ type: 'tunnel_connect', ref: 2, to: 'bob' as PeerId });
  alice.say({ type: 'tunnel_connect', ref: 3, to: 'nobody' as PeerId });
  await run(20);
  bob.say({ type: 'tunnel_accept', tunnel: 1, accept: true });
  await run(5000);
  const parent = { traceId: TRACE, spanId: SPAN };
  const names = { 'causeway.realm': 'r', 'causeway.peer': 'alice' };
  expect(only(a.tracer.named('room_open'))).toMatchObject({
    parent,
    attributes: { ...names, 'causeway.outcome': 'opened' },
  });
  const [refused, opened] = a.tracer.named('tunnel_open');
  const call = { ...names, 'causeway.tunnel.kind': 'peer' };
  expect(opened).toMatchObject({
    ...{ parent, failed: false },
    attributes: { ...call, 'causeway.to': 'bob', 'causeway.outcome': 'open' },
  });
  expect(refused).toMatchObject({
    ...{ parent, failed: true },
    attributes: { ...call, 'causeway.to': 'nobody', 'causeway.outcome': 'offline' },
  });
  alice.say({ type: 'tunnel_connect', ref: 4, to: 'bob' as PeerId });
  alice.hangUp();
  await run();
  expect(a.tracer.named('tunnel_open').at(-1)?.attributes['causeway.outcome']).toBe('left');
  expect(a.tracer.open).toEqual([]);
});

test('a refused registration has failed, with the code', async () => {
  const { a, connect } = await setUp({
    authenticate: async () => ({ kind: 'refused', code: 'unauthorized', message: '' }),
  });
  await connect(a, 'alice');
  expect(only(a.tracer.named('register'))).toMatchObject({
    failed: true,
    attributes: { 'causeway.realm': 'r', 'causeway.outcome': 'unauthorized' },
  });
});

test('latencies keep the trace of what was recorded last under each bound', async () => {
  const { a, b, connect, run } = await setUp();
  const alice = await connect(a, 'alice', TRACEPARENT);
  const bob = await connect(b, 'bob');
  alice.sendTo('bob', 1);
  await run();
  bob.say({ type: 'ack', seq: 1 });
  await run();
  const traced = ({ exemplars }: { exemplars: ReadonlyMap<number, { traceId: string }> }) =>
    [...exemplars.values()].map(({ traceId }) => traceId);
  expect(traced(a.relay.counters.receiptLatency.delivered)).toEqual([TRACE]);
  expect(traced(b.relay.counters.deliveryLatency.remote)).toEqual([TRACE]);
  expect(traced(b.relay.counters.inboxLag)).toEqual([TRACE]);
  expect(traced(a.relay.counters.deliveryLatency.local)).toEqual([]);
});

test('log records of what is traced name the trace', () => {
  expect(traceFields(null)).toEqual({});
  expect(traceFields({ traceId: TRACE, spanId: SPAN })).toEqual({ trace_id: TRACE, span_id: SPAN });
});
