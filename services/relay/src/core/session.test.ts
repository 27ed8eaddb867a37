import { type ClientFrame, CloseCode, type PeerId, ReceiptStatus, SendFlag } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import {
  A,
  Client,
  key,
  REALM,
  Script,
  TestCluster,
  type TestNode,
  UNAVAILABLE,
  withMethods,
} from '../../../../test/simulation/core-kit.ts';
import type { Authenticator } from './authenticator.ts';
import type { Directory, LocateReply, RegisterReply, RegisterRequest } from './ports.ts';
import type { Settings } from './settings.ts';

const PAYLOAD = new Uint8Array(1);
const FRAMES: Record<string, ClientFrame> = {
  hello: { type: 'hello', v: 1, realm: REALM, peer: 'bob' as PeerId },
  proof: { type: 'proof', signature: new Uint8Array(64) },
  ping: { type: 'ping', data: new Uint8Array(8) },
  pong: { type: 'pong', data: new Uint8Array(8) },
  send: { type: 'send', id: 1, flags: 0, to: 'bob' as PeerId, payload: PAYLOAD },
  ack: { type: 'ack', seq: 1 },
  watch: { type: 'watch', peers: ['carol' as PeerId] },
  unwatch: { type: 'unwatch', peers: ['carol' as PeerId] },
  room: { type: 'room_create', ref: 1 } as ClientFrame,
};

async function setUp(changes: Partial<Settings> = {}, authenticator: Partial<Authenticator> = {}) {
  const cluster = new TestCluster();
  cluster.authenticator = { ...cluster.authenticator, ...authenticator };
  const node = await cluster.start(A, changes);
  return { cluster, ...node };
}

/** A node whose registrations are answered by the test. */
async function scripted() {
  const cluster = new TestCluster();
  const register = new Script<[RegisterRequest], RegisterReply>();
  const node: TestNode = await cluster.start(A, {}, ({ directory }) => ({
    directory: withMethods(directory, { register: register.call }),
  }));
  const client = new Client(node.relay);
  return { cluster, register, client, ...node };
}

describe('before WELCOME', () => {
  test.each(Object.keys(FRAMES))('%s', async (name) => {
    const { relay, cluster } = await setUp();
    const client = new Client(relay);
    const goesOn = client.say(FRAMES[name] as ClientFrame);
    await cluster.run();
    if (name === 'hello') expect([goesOn, client.take()]).toEqual([true, ['welcome']]);
    else if (name === 'ping') expect([goesOn, client.take()]).toEqual([true, ['pong']]);
    else expect([goesOn, client.take(), client.closedWith]).toEqual([false, ['error malformed'], CloseCode.malformed]);
  });

  test.each(Object.keys(FRAMES))('while the registration is under way: %s', async (name) => {
    const { client, cluster } = await scripted();
    client.hello('bob');
    await cluster.run();
    client.say(FRAMES[name] as ClientFrame);
    if (name === 'ping') expect(client.take()).toEqual(['pong']);
    else expect([client.take(), client.closedWith]).toEqual([['error malformed'], CloseCode.malformed]);
  });

  test('no HELLO in 5 s', async () => {
    const { relay, cluster } = await setUp();
    const client = new Client(relay);
    await cluster.run(4999);
    expect(client.closedWith).toBe(0);
    await cluster.run(1);
    expect([client.take(), client.closedWith]).toEqual([['error timeout'], CloseCode.timeout]);
  });

  test('another version', async () => {
    const { relay } = await setUp();
    const client = new Client(relay);
    client.hello('bob', { v: 2 });
    expect([client.take(), client.closedWith]).toEqual([['error unsupported_version'], CloseCode.malformed]);
  });

  test.each([
    ['unauthorized', CloseCode.unauthorized],
    ['forbidden', CloseCode.forbidden],
    ['expired', CloseCode.expired],
  ] as const)('a HELLO that the gatekeeper refuses: %s', async (code, close) => {
    const { relay, cluster } = await setUp(
      {},
      { authenticate: async () => ({ kind: 'refused', code, message: 'no' }) },
    );
    const client = new Client(relay);
    client.hello('bob');
    await cluster.run();
    expect([client.take(), client.closedWith]).toEqual([[`error ${code}`], close]);
    expect([...relay.counters.registrationsRefused]).toEqual([[code, 1]]);
  });

  test.each([
    [{ kind: 'peer_in_use' }, ['error peer_in_use'], CloseCode.forbidden],
    [{ kind: 'superseded' }, [], CloseCode.replaced],
    [{ kind: 'too_many_handovers' }, ['error unavailable'], CloseCode.unavailable],
  ] as [RegisterReply, string[], number][])('a registration answered with %o', async (reply, told, close) => {
    const { client, cluster, register, relay } = await scripted();
    client.hello('bob');
    await cluster.run();
    await register.answer(reply, cluster.world);
    expect([client.take(), client.closedWith]).toEqual([told, close]);
    client.hangUp();
    expect(relay.gauges(0)).toMatchObject({ registrations: 0, cachedRoutes: 0 });
  });

  test('a registration without an answer for four seconds', async () => {
    const { client, cluster, register } = await scripted();
    client.hello('bob');
    await cluster.run();
    for (let i = 0; i < 20 && client.closedWith === 0; i += 1) {
      await register.answer(UNAVAILABLE, cluster.world);
      await cluster.run(320);
    }
    expect([client.take(), client.closedWith, register.calls.length]).toEqual([
      ['error unavailable'],
      CloseCode.unavailable,
      14,
    ]);
    expect(new Set(register.calls.map(([{ connection }]) => connection)).size).toBe(1);
  });

  test('a client that goes while it is registered leaves nothing behind', async () => {
    const cluster = new TestCluster();
    const clients: Client[] = [];
    const { relay } = await cluster.start(A, {}, ({ directory }) => ({
      directory: withMethods(directory, {
        register: (request) => {
          clients[0]?.hangUp();
          return directory.register(request);
        },
      }),
    }));
    clients.push(new Client(relay));
    clients[0]?.hello('bob');
    await cluster.run(100);
    expect(relay.gauges(0)).toMatchObject({ registrations: 0, sendsPending: 0, cachedRoutes: 0 });
    expect(cluster.shared.peers.get(key('bob'))?.location?.owner).toBeNull();
  });
});

describe('open', () => {
  test.each(['hello', 'proof'])('%s is malformed', async (name) => {
    const { relay, cluster } = await setUp();
    const client = await cluster.connect(relay, 'bob');
    expect(client.say(FRAMES[name] as ClientFrame)).toBe(false);
    expect([client.take(), client.closedWith]).toEqual([['error malformed'], CloseCode.malformed]);
    expect(client.say(FRAMES.ping as ClientFrame)).toBe(false);
  });

  test('pings are answered, pongs are not', async () => {
    const { relay, cluster } = await setUp();
    const client = await cluster.connect(relay, 'bob');
    client.say(FRAMES.ping as ClientFrame);
    expect(client.say(FRAMES.pong as ClientFrame)).toBe(true);
    expect(client.take()).toEqual(['pong']);
  });

  test('an ACK beyond the last DELIVER is malformed, one for less than an earlier one is not', async () => {
    const { relay, cluster } = await setUp();
    const client = await cluster.connect(relay, 'bob');
    client.sendTo('bob', 1);
    client.say({ type: 'ack', seq: 1 });
    expect(client.take()).toEqual(['deliver 1 bob 1', 'receipt 1 1']);
    expect(client.say({ type: 'ack', seq: 0 })).toBe(true);
    expect(client.say({ type: 'ack', seq: 2 })).toBe(false);
    expect(client.take()).toEqual(['error malformed']);
  });

  test('a connection whose bytes cannot be read, or that is silent, is closed', async () => {
    const { relay, cluster } = await setUp();
    const [one, other] = [await cluster.connect(relay, 'bob'), await cluster.connect(relay, 'carol')];
    one.handler.malformed('x');
    other.handler.silent();
    other.handler.silent();
    expect([one.take(), other.take()]).toEqual([['error malformed'], ['error timeout']]);
    expect([one.closedWith, other.closedWith]).toEqual([CloseCode.malformed, CloseCode.timeout]);
  });

  test('watches 256 peers at most', async () => {
    const { relay, cluster } = await setUp();
    const client = await cluster.connect(relay, 'bob');
    const peers = Array.from({ length: 256 }, (_, i) => `p${i}` as PeerId);
    client.say({ type: 'watch', peers });
    client.say({ type: 'watch', peers: [...peers.slice(0, 9)] });
    client.say({ type: 'unwatch', peers: ['p0' as PeerId, 'never' as PeerId] });
    client.say({ type: 'watch', peers: ['q' as PeerId] });
    expect([client.closedWith, relay.gauges(0).watchedPeers]).toEqual([0, 256]);
    client.say({ type: 'watch', peers: ['r' as PeerId] });
    expect([client.take().at(-1), client.closedWith]).toEqual(['error malformed', CloseCode.malformed]);
    client.hangUp();
    expect(relay.gauges(0).watchedPeers).toBe(0);
  });

  test('a registration that is new is told from one that is renewed', async () => {
    const { relay, cluster } = await setUp();
    const resume = new Uint8Array(32).fill(1);
    for (const attempt of [1, 2]) {
      const client = new Client(relay);
      client.hello('bob', { resume, attempt });
      await cluster.run(5);
      expect(client.frames[0]).toMatchObject({ type: 'welcome', reservation: { renewed: attempt === 2 } });
    }
    expect(relay.counters.registrations).toEqual({ fresh: 1, renewed: 1 });
  });
});

describe('without an outcome for 15 s', () => {
  async function silent() {
    const cluster = new TestCluster();
    const locate = new Script<Parameters<Directory['locateOrStore']>, LocateReply>();
    const node = await cluster.start(A, {}, ({ directory }) => ({
      directory: withMethods(directory, { locateOrStore: locate.call }),
    }));
    return { cluster, locate, ...node };
  }

  test('the connection is closed, and nothing is kept of it', async () => {
    const { cluster, relay } = await silent();
    const client = await cluster.connect(relay, 'alice');
    client.sendTo('bob', 1, SendFlag.noReceipt);
    await cluster.run(14_000);
    expect(client.closedWith).toBe(0);
    await cluster.run(2000);
    expect([client.take().length, client.closedWith]).toEqual([1, CloseCode.unavailable]);
    client.hangUp();
    await cluster.run(2000);
    expect(relay.gauges(0).sendsPending).toBe(0);
  });

  test('an outcome in time keeps it open', async () => {
    const { cluster, relay, locate } = await silent();
    const client = await cluster.connect(relay, 'alice');
    client.sendTo('bob', 1, SendFlag.noStore);
    await cluster.run(14_000);
    await locate.answer({ kind: 'stored', count: 0, entries: [], evicted: [] }, cluster.world);
    await cluster.run(5000);
    expect([client.take(), client.closedWith]).toEqual([[`receipt 1 ${ReceiptStatus.offline}`], 0]);
    expect(relay.counters.drops.offline).toBe(1);
  });
});

test('a client is told to go elsewhere before it is closed', async () => {
  const { relay, cluster } = await setUp();
  const client = await cluster.connect(relay, 'bob');
  const early = new Client(relay);
  const stopped = relay.stop(1000);
  await cluster.run(200);
  await stopped;
  for (const one of [client, early]) expect([one.take(), one.closedWith]).toEqual([['goaway'], CloseCode.draining]);
});

describe('too much of something', () => {
  test.each([
    ['PING', 1, FRAMES.ping],
    ['PONG', 1, FRAMES.pong],
    ['WATCH', 2, FRAMES.watch],
    ['UNWATCH', 2, FRAMES.unwatch],
  ] as [string, number, ClientFrame][])(
    'of %s, each of which counts %i, closes at 1000, and 100 more each second',
    async (_name, units, frame) => {
      const { relay, cluster } = await setUp();
      const client = new Client(relay);
      client.hello('bob');
      await cluster.run();
      const say = (count: number): boolean[] => Array.from({ length: count }, () => client.say(frame));
      expect(say(1000 / units)).not.toContain(false);
      await cluster.run(1000);
      expect(say(100 / units)).not.toContain(false);
      client.take();
      expect(client.say(frame)).toBe(false);
      expect([client.take().at(-1), client.closedWith]).toEqual(['error rate_limited', CloseCode.busy]);
      expect(relay.counters.drops.control_flood).toBe(1);
    },
  );

  test('of PING before WELCOME', async () => {
    const { relay } = await setUp();
    const client = new Client(relay);
    for (let count = 0; count < 1000; count += 1) client.say(FRAMES.ping as ClientFrame);
    expect([client.take().length, client.closedWith]).toEqual([1000, 0]);
    client.say(FRAMES.ping as ClientFrame);
    expect([client.take(), client.closedWith]).toEqual([['error rate_limited'], CloseCode.busy]);
  });

  test('of recipients that refuse', async () => {
    const { relay, cluster } = await setUp({ sendWindow: 1 });
    const client = new Client(relay);
    client.hello('bob');
    await cluster.run();
    let sent = 0;
    while (client.say({ type: 'send', id: sent, flags: 0, to: `peer-${sent}` as PeerId, payload: PAYLOAD })) sent += 1;
    // The first one is taken.
    expect([sent, client.closedWith, relay.counters.drops.refused_too_often]).toEqual([4097, CloseCode.busy, 1]);
  });

  test('of registrations under way, also of clients that have gone', async () => {
    const { relay, cluster, register } = await scripted();
    const clients = Array.from({ length: 10_000 }, () => new Client(relay));
    for (const [index, client] of clients.entries()) client.hello(`peer-${index}`);
    await cluster.run();
    for (const client of clients) client.hangUp();
    const late = new Client(relay);
    late.hello('late');
    expect([late.take(), late.closedWith]).toEqual([['error unavailable'], CloseCode.unavailable]);
    expect(relay.counters.drops.registration_limit).toBe(1);
    await register.answer({ kind: 'peer_in_use' }, cluster.world);
    const next = new Client(relay);
    next.hello('next');
    expect(next.closedWith).toBe(0);
  });
});
