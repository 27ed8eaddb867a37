import type { NodeId } from '@causeway/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readEnvelope } from '../../../services/relay/src/core/node-frame-reader.ts';
import { NodeFrame } from '../../../services/relay/src/core/node-frames.ts';
import { NODE_ATTRIBUTE, SPANS } from '../../../services/relay/src/telemetry/span-table.ts';
import { type Collector, type ReceivedSpan, startCollector } from '../../kit/otlp.ts';
import { connectPeer, type Hello, peerId, type RawPeer } from '../../kit/peer.ts';
import { type RedisDeployment, startRedis } from '../../kit/redis.ts';
import { type Env, type Relay, startRelay } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import { outcomes } from '../fixture.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const SAMPLED = `00-${TRACE}-${SPAN}-01`;
const KINDS = { internal: 1, server: 2, client: 3, consumer: 5 };

const scope = new Scope();
let redis: RedisDeployment;
let collector: Collector;

beforeEach(async () => {
  redis = scope.keep(await startRedis());
  collector = scope.keep(await startCollector());
});
afterEach(() => scope.end());

async function start(env: Env = {}): Promise<Relay> {
  return scope.keep(await startRelay({ redis, env: { ...collector.env, ...env } }));
}

async function join(relay: Relay, hello: Hello): Promise<RawPeer & { readonly node: NodeId }> {
  const peer = scope.keep(await connectPeer({ url: relay.url, autoAck: true }));
  const { node } = await peer.hello(hello);
  return Object.assign(peer, { node });
}

function send(peer: RawPeer, to: string, ...ids: readonly number[]): void {
  const payload = Buffer.from('hi');
  peer.send(...ids.map((id) => ({ type: 'send' as const, id, flags: 0, to: peerId(to), payload })));
}

/** Types of the frames in the inbox of the node. */
async function framesTo(node: NodeId): Promise<number[]> {
  const entries = await redis.nodes[0]?.client.xrangeBuffer(`cw:{n:${node}}:inbox`, '-', '+');
  const types: number[] = [];
  for (const [, fields] of entries ?? []) {
    const head = readEnvelope(fields[1] as Buffer);
    while (head?.frames.more) types.push(head.frames.frame().type);
  }
  return types;
}

const idsOf = ({ traceId, spanId }: { traceId: string; spanId: string }) => ({ traceId, spanId });

test('one trace goes through two relays, from the parent that the client names', async () => {
  const [a, b] = [await start(), await start()];
  const alice = await join(a, { peer: 'alice', traceparent: SAMPLED });
  const bob = await join(b, { peer: 'bob' });
  send(alice, 'bob', 1);
  expect(await outcomes(alice, 1)).toEqual(['delivered']);
  const [send1] = await collector.named('causeway.send', 1);
  const [hop] = await collector.named('causeway.hop', 1);
  const [deliver] = await collector.named('causeway.deliver', 1);
  const registers = await collector.named('causeway.register', 2);
  const own = registers.find(({ attributes }) => attributes['causeway.peer'] === 'alice');
  expect([own, send1].map((span) => [span?.traceId, span?.parent])).toEqual([
    [TRACE, SPAN],
    [TRACE, SPAN],
  ]);
  expect([hop, deliver].map((span) => [span?.traceId, span?.parent])).toEqual([
    [TRACE, send1?.spanId],
    [TRACE, hop?.spanId],
  ]);
  expect(send1?.attributes[NODE_ATTRIBUTE]).toBe(alice.node);
  expect(hop?.attributes[NODE_ATTRIBUTE]).toBe(bob.node);
  const processes = [send1, hop, deliver].map((span) => span?.resource['service.instance.id']);
  expect([processes[1] === processes[2], processes[0] === processes[1]]).toEqual([true, false]);
  expect(hop?.attributes['causeway.from_node']).toBe(alice.node);
  const other = registers.find(({ attributes }) => attributes['causeway.peer'] === 'bob');
  expect([other?.parent, other?.traceId === TRACE]).toEqual(['', false]);
});

test('messages that come in one entry are linked with each other', async () => {
  const [a, b] = [await start(), await start()];
  const alice = await join(a, { peer: 'alice' });
  await join(b, { peer: 'bob' });
  send(alice, 'bob', 1);
  await outcomes(alice, 1);
  send(alice, 'bob', 2, 3, 4);
  await outcomes(alice, 2, 3, 4);
  const hops = (await collector.named('causeway.hop', 4)).slice(1);
  const sends = await collector.named('causeway.send', 4);
  const [first, ...others] = ['2', '3', '4'].map((id) =>
    sends.find(({ attributes }) => attributes['causeway.message.id'] === id),
  ) as [ReceivedSpan, ...ReceivedSpan[]];
  const hopOf = ({ spanId }: ReceivedSpan) => hops.find(({ parent }) => parent === spanId);
  expect(new Set([first, ...others].map(({ traceId }) => traceId)).size).toBe(3);
  expect(hopOf(first)?.links).toEqual(others.map(idsOf));
  for (const other of others) expect(hopOf(other)?.links).toEqual([idsOf(first)]);
});

test('the mailbox: what is stored for an offline peer, and drained when it comes', async () => {
  const relay = await start();
  const alice = await join(relay, { peer: 'alice' });
  send(alice, 'bob', 1, 2);
  expect(await outcomes(alice, 1, 2)).toEqual(['queued', 'queued']);
  const sends = await collector.named('causeway.send', 2);
  const stores = await collector.named('causeway.mailbox_store', 2);
  expect(stores.map(({ parent }) => parent)).toEqual(sends.map(({ spanId }) => spanId));
  await join(relay, { peer: 'bob', traceparent: SAMPLED });
  const [drain] = await collector.named('causeway.mailbox_drain', 1);
  const registers = await collector.named('causeway.register', 2);
  expect(drain).toMatchObject({ traceId: TRACE, parent: registers[1]?.spanId, attributes: { 'causeway.messages': 2 } });
});

test('every span is of the kind and has the attributes of its row, and ends after it begins', async () => {
  const [a, b] = [await start(), await start()];
  const alice = await join(a, { peer: 'alice' });
  send(alice, 'bob', 1);
  await outcomes(alice, 1);
  await join(b, { peer: 'bob' });
  send(alice, 'bob', 2);
  await outcomes(alice, 2);
  alice.send({ type: 'room_create', ref: 1 }, { type: 'tunnel_connect', ref: 2, to: peerId('carol') });
  for (const name of Object.keys(SPANS)) await collector.named(`causeway.${name}`, 1);
  for (const { name, kind, attributes, start: begin, end, resource } of collector.spans) {
    const row = SPANS[name.replace('causeway.', '') as keyof typeof SPANS];
    expect(kind, name).toBe(KINDS[row.kind]);
    expect(Object.keys(attributes).sort(), name).toEqual([...row.attributes].sort());
    expect(end >= begin, name).toBe(true);
    expect(resource).toMatchObject({ 'service.name': 'causeway-relay', 'telemetry.sdk.language': 'nodejs' });
  }
});

test('what is not sampled has nothing between nodes, and what is has one frame more', async () => {
  const env = { OTEL_TRACES_SAMPLER: 'parentbased_always_off' };
  const [a, b] = [await start(env), await start(env)];
  const alice = await join(a, { peer: 'alice', traceparent: SAMPLED.replace(/1$/, '0') });
  const carol = await join(a, { peer: 'carol', traceparent: SAMPLED });
  const bob = scope.keep(await connectPeer({ url: b.url }));
  const { node } = await bob.hello({ peer: 'bob' });
  send(alice, 'bob', 1);
  await bob.next('deliver');
  const ofMessages = async () =>
    (await framesTo(node)).filter((type) => type === NodeFrame.message || type === NodeFrame.trace);
  // They stay in the inbox until they are acknowledged.
  expect(await ofMessages()).toEqual([NodeFrame.message]);
  send(carol, 'bob', 1);
  await bob.next('deliver');
  expect(await ofMessages()).toEqual([NodeFrame.message, NodeFrame.trace, NodeFrame.message]);
  bob.send({ type: 'ack', seq: 2 });
  expect(await outcomes(carol, 1)).toEqual(['delivered']);
  await collector.named('causeway.deliver', 1);
  expect(collector.spans.filter(({ traceId }) => traceId !== TRACE)).toEqual([]);
});

test.each(['', 'nonsense', `00-${'0'.repeat(32)}-${SPAN}-01`, `ff-${TRACE}-${SPAN}-01`, SAMPLED.slice(1)])(
  'a traceparent that is none is ignored: %j',
  async (traceparent) => {
    const relay = await start();
    await join(relay, { peer: 'alice', traceparent });
    const [register] = await collector.named('causeway.register', 1);
    expect(register?.parent).toBe('');
    expect(register?.traceId).not.toBe(TRACE);
  },
);

test('logs and metrics of what is traced name the trace', async () => {
  const relay = await start({ CAUSEWAY_LOG_LEVEL: 'debug' });
  const alice = await join(relay, { peer: 'alice', traceparent: SAMPLED });
  await join(relay, { peer: 'bob' });
  send(alice, 'bob', 1);
  await outcomes(alice, 1);
  const accept = 'application/openmetrics-text; version=1.0.0';
  const body = await (await fetch(`${relay.adminUrl}/metrics`, { headers: { accept } })).text();
  for (const name of ['causeway_receipt_seconds', 'causeway_delivery_seconds']) {
    expect(body).toMatch(new RegExp(`^${name}_bucket.* # \\{trace_id="${TRACE}"\\} `, 'm'));
  }
  alice.send({ type: 'ack', seq: 99 });
  await alice.closed;
  const [register] = await collector.named('causeway.register', 1);
  expect(relay.logs.find(({ msg }) => msg === 'closing a connection')).toMatchObject({
    trace_id: TRACE,
    span_id: register?.spanId,
  });
});

test('a relay that ends sends its last spans, and does not wait for a collector that is away', async () => {
  const relay = await start({ OTEL_BSP_SCHEDULE_DELAY: '60000' });
  await join(relay, { peer: 'alice' });
  expect(await relay.stop()).toBe(0);
  expect(collector.spans.map(({ name }) => name)).toContain('causeway.register');
  const alone = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_BSP_SCHEDULE_DELAY: '60000' });
  await join(alone, { peer: 'bob' });
  expect(await alone.stop()).toBe(0);
  expect(alone.logs.filter(({ level }) => level === 'error' || level === 'warn').length).toBeGreaterThan(0);
});

test('without tracing nothing of OpenTelemetry is loaded; with it, it is', async () => {
  const hooks = new URL('../../kit/loaded-modules.mjs', import.meta.url).href;
  const loaded = async (env: Env) => {
    const relay = scope.keep(await startRelay({ redis, env: { NODE_OPTIONS: `--import=${hooks}`, ...env } }));
    // The library of metrics loads the interface, which is small.
    return relay.logs.some(({ loaded: url }) => url !== undefined && !String(url).includes('/@opentelemetry/api/'));
  };
  expect(await loaded({})).toBe(false);
  expect(await loaded({ ...collector.env, OTEL_SDK_DISABLED: 'true' })).toBe(false);
  expect(await loaded({ ...collector.env, OTEL_TRACES_EXPORTER: 'none' })).toBe(false);
  expect(await loaded(collector.env)).toBe(true);
});

test('each process of a supervisor traces', async () => {
  const relay = await start({ CAUSEWAY_PROCESSES: '2', CAUSEWAY_ADMIN_PORT: '0' });
  await join(relay, { peer: 'alice', traceparent: SAMPLED });
  const [register] = await collector.named('causeway.register', 1);
  expect(register?.traceId).toBe(TRACE);
});
