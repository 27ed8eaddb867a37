import { afterEach, expect, test } from 'vitest';
import { Flow } from '../kit/flow.ts';
import { complaints, nodeOf } from '../kit/observe.ts';
import { connectPeer, joinPeer, type RawPeer } from '../kit/peer.ts';
import { freePorts } from '../kit/ports.ts';
import { Reader } from '../kit/reader.ts';
import { startRedis } from '../kit/redis.ts';
import { type Relay, startCluster, startRelay } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';
import { waitFor } from '../kit/wait.ts';
import { ADMIN_TOKENS, askAdmin } from './admin.ts';
import { numbered, outcomes, range } from './fixture.ts';

const READERS = 6;
const MESSAGES = 1500;
const UNACKNOWLEDGED = 200;
const DRAIN_SECONDS = 4;
const PEERS = 8;

const scope = new Scope();
afterEach(() => scope.end());

async function startPair(): Promise<[going: Relay, staying: Relay]> {
  const redis = scope.keep(await startRedis());
  const env = { CAUSEWAY_DRAIN_SECONDS: String(DRAIN_SECONDS), CAUSEWAY_ADMIN_TOKENS: ADMIN_TOKENS };
  const cluster = scope.keep(await startCluster({ relays: 2, redis, env }));
  return cluster.relays as [Relay, Relay];
}

function joinMany(url: string): Promise<RawPeer[]> {
  return Promise.all(
    range(1, PEERS).map(async (index) => scope.keep(await joinPeer({ url, autoAck: true }, { peer: `p${index}` }))),
  );
}

const readiness = async ({ adminUrl }: Relay): Promise<[number, unknown]> => {
  const response = await fetch(`${adminUrl}/health/ready`);
  return [response.status, await response.json()];
};

function flowTo(to: string, url: string, count: number): Promise<Flow> {
  const payloads = numbered(count);
  return scope.keep(new Flow({ url, from: `to-${to}`, to, payloads })).start();
}

test('what clients had not acknowledged is stored when their relay stops', async () => {
  const [going, staying] = await startPair();
  const readers = range(1, READERS).map((index) => scope.keep(new Reader({ peer: `r${index}`, acks: false })));
  await Promise.all(readers.map((reader) => reader.connect(going.url)));
  const flows = await Promise.all(readers.map((_, index) => flowTo(`r${index + 1}`, staying.url, UNACKNOWLEDGED)));
  await Promise.all(readers.map((reader) => reader.untilDelivered(UNACKNOWLEDGED)));
  expect(flows.map((flow) => flow.outcomes.size)).toEqual(flows.map(() => 0));

  const exit = going.stop();
  await Promise.all(flows.map((flow) => flow.finish()));
  for (const [index, reader] of readers.entries()) {
    const flow = flows[index] as Flow;
    expect([flow.count('queued'), flow.faults]).toEqual([UNACKNOWLEDGED, []]);
    expect(await reader.connection.next('goaway')).toMatchObject({ reconnectAfterMs: expect.any(Number) });
    expect((await reader.connection.closed).code).toBe(4001);
  }
  expect(await exit).toBe(0);
  expect(complaints(going)).toEqual([]);
  for (const [index, reader] of readers.entries()) {
    // Another client, that has seen nothing of it yet.
    const fresh = scope.keep(new Reader({ peer: `r${index + 1}` }));
    expect((await fresh.connect(staying.url)).queued).toBe(UNACKNOWLEDGED);
    await fresh.until(UNACKNOWLEDGED);
    expect(fresh.ids(`to-r${index + 1}`)).toEqual(range(1, UNACKNOWLEDGED));
    expect(reader.faults).toEqual([]);
  }
});

test('a relay that stops in the middle of traffic loses nothing', async () => {
  const [going, staying] = await startPair();
  const readers = range(1, READERS).map((index) => scope.keep(new Reader({ peer: `r${index}` })));
  await Promise.all(readers.map((reader) => reader.connect(going.url)));
  const flows = await Promise.all(readers.map((_, index) => flowTo(`r${index + 1}`, staying.url, MESSAGES)));
  await Promise.all(readers.map((reader) => reader.until(MESSAGES / 10)));

  const exit = going.stop();
  const moved = readers.map(async (reader) => {
    expect((await reader.connection.closed).code).toBe(4001);
    await reader.connect(staying.url);
    await reader.until(MESSAGES);
  });
  await Promise.all([...moved, ...flows.map((flow) => flow.finish())]);
  expect(await exit).toBe(0);
  for (const [index, reader] of readers.entries()) {
    const flow = flows[index] as Flow;
    expect(reader.ids(`to-r${index + 1}`)).toEqual(range(1, MESSAGES));
    expect([reader.faults, flow.faults]).toEqual([[], []]);
    expect(flow.count('delivered') + flow.count('queued')).toBe(MESSAGES);
  }
  expect([...complaints(going), ...complaints(staying)]).toEqual([]);
});

test('clients are told at once when to go, and served until then', async () => {
  const redis = scope.keep(await startRedis());
  const [portA, portB] = await freePorts(2);
  const start = (port: number) => {
    const url = `ws://127.0.0.1:${port}`;
    const env = {
      CAUSEWAY_PORT: String(port),
      CAUSEWAY_PUBLIC_URL: url,
      CAUSEWAY_DRAIN_SECONDS: String(DRAIN_SECONDS),
      CAUSEWAY_ADMIN_TOKENS: ADMIN_TOKENS,
    };
    return startRelay({ redis, env });
  };
  const staying = scope.keep(await start(portB as number));
  // It has learnt of the other one by the time it listens.
  const going = scope.keep(await start(portA as number));
  const peers = await joinMany(going.url);

  expect((await askAdmin(going, 'POST', '/admin/drain', { token: 'look' })).status).toBe(403);
  const { status, body } = await askAdmin(going, 'POST', '/admin/drain');
  expect([status, body]).toEqual([202, { status: 'draining', connections: PEERS, drainSeconds: DRAIN_SECONDS }]);
  const hints = await Promise.all(peers.map((peer) => peer.next('goaway')));
  expect(hints.map(({ urls }) => urls)).toEqual(hints.map(() => [staying.url]));
  const spread = hints.map(({ reconnectAfterMs }) => reconnectAfterMs).sort((a, b) => a - b);
  // Evenly over the first 70 % of the drain time.
  expect(spread).toEqual(range(0, PEERS - 1).map((index) => (index * 700 * DRAIN_SECONDS) / PEERS));

  expect(await readiness(going)).toEqual([503, { status: 'unavailable', reasons: ['draining'] }]);
  await expect(connectPeer({ url: going.url })).rejects.toThrow('ECONNREFUSED');
  const last = peers[hints.findIndex(({ reconnectAfterMs }) => reconnectAfterMs === spread.at(-1))] as RawPeer;
  const far = scope.keep(await joinPeer({ url: staying.url, autoAck: true }, { peer: 'far' }));
  expect(await outcomes(last, last.message('far', 'from a relay that drains'))).toEqual(['delivered']);
  expect(new TextDecoder().decode((await far.next('deliver')).payload)).toBe('from a relay that drains');
  expect(await askAdmin(going, 'POST', '/admin/rebalance')).toMatchObject({ status: 409, body: { code: 'draining' } });

  // A stop by whoever runs the process does not cut the drain short.
  going.kill('SIGTERM');
  const closes = await Promise.all(peers.map((peer) => peer.closed));
  expect(closes.map(({ code }) => code)).toEqual(closes.map(() => 4001));
  expect(await going.exited).toBe(0);
  expect(complaints(going)).toEqual([]);
});

test('a second SIGTERM ends a drain at once', async () => {
  const [going] = await startPair();
  const peers = await joinMany(going.url);
  going.kill('SIGTERM');
  await Promise.all(peers.map((peer) => peer.next('goaway')));
  going.kill('SIGTERM');
  expect(await going.exited).toBe(70);
  const codes = await Promise.all(peers.map(async (peer) => (await peer.closed).code));
  expect(codes).toContain(1006);
});

test('a relay that drains is said to drain, and is gone from the list of nodes afterwards', async () => {
  const redis = scope.keep(await startRedis());
  const env = { CAUSEWAY_DRAIN_SECONDS: String(DRAIN_SECONDS), CAUSEWAY_NODE_LEASE_MS: '1500' };
  const relay = scope.keep(await startRelay({ redis, env }));
  await joinMany(relay.url);
  const node = await nodeOf(relay);
  const record = async () => {
    const text = await redis.nodes[0]?.client.hget('cw:{nodes}', node);
    return text == null ? 'gone' : (JSON.parse(text) as { state: string }).state;
  };
  expect(await record()).toBe('live');
  relay.kill('SIGTERM');
  await waitFor(async () => (await record()) === 'draining', { what: 'the node is said to drain' });
  expect(await relay.exited).toBe(0);
  expect(await record()).toBe('gone');
});
