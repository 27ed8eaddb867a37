import { CloseCode, type PeerId, type RelayFrame } from '@causeway/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { settings } from '../../../../../test/simulation/cluster.ts';
import { A, B, type Client, TestCluster, type TestNode } from '../../../../../test/simulation/core-kit.ts';
import type { TunnelSettings } from '../settings.ts';

const KIB = 1024;
const WINDOW = 64 * KIB;

let cluster: TestCluster;
let nodes: TestNode[];

async function start(places: number, changes: Partial<TunnelSettings> = {}): Promise<void> {
  cluster = new TestCluster();
  const tunnels = { ...settings('a').tunnels, windowBytes: WINDOW, ...changes };
  nodes = [];
  let seed = 0;
  const randomHex = (bytes: number): string => {
    seed += 7919;
    return seed.toString(16).padStart(bytes * 2, '0');
  };
  for (const node of [A, B].slice(0, places)) nodes.push(await cluster.start(node, { tunnels, randomHex }));
}

/** A peer on the first node, or on the last one. */
const connect = (peer: string, place: 0 | -1 = 0): Promise<Client> =>
  cluster.connect((nodes.at(place) as TestNode).relay, peer);
const run = (ms = 50): Promise<void> => cluster.run(ms);

function last<T extends RelayFrame['type']>(client: Client, type: T): Extract<RelayFrame, { type: T }> {
  const frame = client.frames.findLast((one) => one.type === type);
  if (frame === undefined) throw new Error(`no ${type} among ${client.frames.map((one) => one.type)}`);
  return frame as Extract<RelayFrame, { type: T }>;
}

interface Pair {
  readonly alice: Client;
  readonly bob: Client;
  /** Each one's number of the tunnel. */
  readonly a: number;
  readonly b: number;
}

/** Alice has called Bob, who has accepted. */
async function tunnel(): Promise<Pair> {
  const alice = await connect('alice');
  const bob = await connect('bob', -1);
  alice.say({ type: 'tunnel_connect', ref: 3, to: 'bob' as PeerId, meta: Uint8Array.of(7) });
  await run();
  const offer = last(bob, 'tunnel_offer');
  bob.say({ type: 'tunnel_accept', tunnel: offer.tunnel, accept: true });
  await run();
  alice.take();
  bob.take();
  return { alice, bob, a: last(alice, 'tunnel_open').tunnel, b: offer.tunnel };
}

const sends = (client: Client, tunnel: number, bytes: Uint8Array | number): boolean =>
  client.say({ type: 'tunnel_data', tunnel, bytes: typeof bytes === 'number' ? new Uint8Array(bytes) : bytes });

/** All bytes that a client was given so far. */
const got = (client: Client): Buffer =>
  Buffer.concat(client.frames.flatMap((one) => (one.type === 'tunnel_data' ? [one.bytes] : [])));

describe.each([
  ['on one node', 1],
  ['between two nodes', 2],
])('%s', (_name, places) => {
  beforeEach(() => start(places));

  test('a peer that is called gets an offer, and both get the tunnel', async () => {
    const alice = await connect('alice');
    const bob = await connect('bob', -1);
    alice.say({ type: 'tunnel_connect', ref: 3, to: 'bob' as PeerId, meta: Uint8Array.of(7) });
    await run();
    expect(last(bob, 'tunnel_offer')).toEqual({ type: 'tunnel_offer', tunnel: 1, from: 'alice', meta: Buffer.of(7) });
    bob.say({ type: 'tunnel_accept', tunnel: 1, accept: true });
    await run();
    expect(last(bob, 'tunnel_open')).toEqual({ type: 'tunnel_open', tunnel: 1, peer: 'alice', credit: WINDOW });
    expect(last(alice, 'tunnel_open')).toEqual({ type: 'tunnel_open', tunnel: 1, ref: 3, peer: 'bob', credit: WINDOW });
    expect(nodes.at(-1)?.relay.counters.tunnelsOpened).toEqual({ peer: 1, room: 0 });
  });

  test('a room: both get the tunnel under the number of their own request', async () => {
    const alice = await connect('alice');
    const bob = await connect('bob', -1);
    alice.say({ type: 'room_create', ref: 5 });
    await run();
    const { code, expiresAt } = last(alice, 'room_created');
    expect(code).toMatch(/^\d{4}$/);
    expect(expiresAt - cluster.world.now()).toBeGreaterThan(599_000);
    bob.say({ type: 'room_join', ref: 9, code });
    await run();
    expect(last(alice, 'tunnel_open')).toEqual({ type: 'tunnel_open', tunnel: 1, ref: 5, peer: 'bob', credit: WINDOW });
    expect(last(bob, 'tunnel_open')).toEqual({ type: 'tunnel_open', tunnel: 1, ref: 9, peer: 'alice', credit: WINDOW });
    const carol = await connect('carol');
    carol.say({ type: 'room_join', ref: 1, code });
    await run(1000);
    expect(carol.take()).toEqual(['error no_room']);
  });

  test('bytes arrive whole and in order, both ways, and credit goes back', async () => {
    const { alice, bob, a, b } = await tunnel();
    const bytes = Buffer.from(Array.from({ length: 40_000 }, (_, index) => index % 251));
    sends(alice, a, bytes.subarray(0, 10));
    sends(alice, a, bytes.subarray(10, 30_000));
    sends(alice, a, bytes.subarray(30_000));
    sends(bob, b, Buffer.from('back'));
    await run();
    expect([got(bob).equals(bytes), got(alice).toString()]).toEqual([true, 'back']);
    bob.say({ type: 'tunnel_credit', tunnel: b, bytes: 1000 });
    bob.say({ type: 'tunnel_credit', tunnel: b, bytes: 500 });
    await run();
    const credits = alice.frames.flatMap((one) => (one.type === 'tunnel_credit' ? [one.bytes] : []));
    expect(credits.reduce((sum, one) => sum + one, 0)).toBe(1500);
  });

  test('an end comes behind all bytes, and after both the tunnel is over for both', async () => {
    const { alice, bob, a, b } = await tunnel();
    sends(alice, a, 100);
    alice.say({ type: 'tunnel_end', tunnel: a });
    await run();
    expect(bob.take()).toEqual([`tunnel_data ${b} 100`, 'tunnel_end']);
    sends(bob, b, 5);
    bob.say({ type: 'tunnel_end', tunnel: b });
    await run();
    expect(alice.take()).toEqual([`tunnel_data ${a} 5`, 'tunnel_end']);
    expect(nodes.map(({ relay }) => relay.gauges(0).tunnelEnds)).toEqual(nodes.map(() => 0));
    // What crossed the end on its way is passed over.
    expect([sends(alice, a, 1), bob.say({ type: 'tunnel_close', tunnel: b, reason: 'late' })]).toEqual([true, true]);
    await run();
    expect([alice.take(), bob.take()]).toEqual([[], []]);
  });

  test('a close overtakes bytes, and its reason reaches the other end', async () => {
    const { alice, bob, a, b } = await tunnel();
    bob.isCongested = true;
    sends(alice, a, 100);
    alice.say({ type: 'tunnel_close', tunnel: a, reason: 'changed my mind' });
    await run();
    expect(bob.take()).toEqual(['tunnel_close']);
    expect(last(bob, 'tunnel_close')).toEqual({ type: 'tunnel_close', tunnel: b, reason: 'changed my mind' });
    expect(nodes.map(({ relay }) => [relay.gauges(0).tunnelEnds, relay.gauges(0).tunnelBytes])).toEqual(
      nodes.map(() => [0, 0]),
    );
  });

  test.each([
    ['more than the credit', { by: 'alice', data: WINDOW + 1 }],
    ['credit that was never used', { by: 'bob', credit: 101 }],
    ['credit of 0', { by: 'bob', credit: 0 }],
  ] as const)('%s closes the tunnel for both', async (_what, act) => {
    const { alice, bob, a, b } = await tunnel();
    sends(alice, a, 100);
    await run();
    bob.take();
    if ('data' in act) sends(alice, a, act.data - 100);
    else bob.say({ type: 'tunnel_credit', tunnel: b, bytes: act.credit });
    await run();
    expect([last(alice, 'tunnel_close').reason, last(bob, 'tunnel_close').reason]).toEqual(['credit', 'credit']);
    expect([alice.closedWith, bob.closedWith]).toEqual([0, 0]);
  });

  test('a whole window waits for a connection that takes nothing, and no more', async () => {
    const { alice, bob, a, b } = await tunnel();
    bob.isCongested = true;
    sends(alice, a, WINDOW);
    await run();
    expect(bob.take()).toEqual([]);
    expect(nodes.at(-1)?.relay.gauges(0).tunnelBytes).toBe(WINDOW);
    bob.isCongested = false;
    bob.handler.writable();
    expect(got(bob).length).toBe(WINDOW);
    expect(nodes.at(-1)?.relay.gauges(0).tunnelBytes).toBe(0);
    bob.say({ type: 'tunnel_credit', tunnel: b, bytes: WINDOW });
    await run();
    expect(last(alice, 'tunnel_credit').bytes).toBe(WINDOW);
    sends(alice, a, WINDOW);
    await run();
    expect(got(bob).length).toBe(2 * WINDOW);
  });

  test('an end waits behind bytes that the connection has no room for', async () => {
    const { alice, bob, a, b } = await tunnel();
    bob.isCongested = true;
    sends(alice, a, 10);
    alice.say({ type: 'tunnel_end', tunnel: a });
    await run();
    expect(bob.take()).toEqual([]);
    bob.isCongested = false;
    bob.handler.writable();
    expect(bob.take()).toEqual([`tunnel_data ${b} 10`, 'tunnel_end']);
  });

  test('tunnels that wait for the same client get their turns', async () => {
    const { alice, bob, a, b } = await tunnel();
    const other = await tunnelAgain(alice, bob);
    bob.isCongested = true;
    sends(alice, a, WINDOW);
    sends(alice, other.a, 10);
    await run();
    bob.take();
    bob.onTold = () => {
      bob.isCongested = true;
    };
    const turns: string[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      bob.isCongested = false;
      bob.handler.writable();
      turns.push(...bob.take());
      bob.say({ type: 'tunnel_credit', tunnel: b, bytes: WINDOW });
      await run();
      sends(alice, a, WINDOW);
      await run();
    }
    expect(turns).toContain(`tunnel_data ${other.b} 10`);
    expect(turns.indexOf(`tunnel_data ${other.b} 10`)).toBe(1);
  });

  test('credit is told once a turn, and waits for a client that takes nothing', async () => {
    const { alice, bob, a, b } = await tunnel();
    sends(alice, a, 1000);
    await run();
    alice.take();
    alice.isCongested = true;
    for (let count = 0; count < 1000; count += 1) bob.say({ type: 'tunnel_credit', tunnel: b, bytes: 1 });
    await run();
    expect(alice.take()).toEqual([]);
    alice.isCongested = false;
    alice.handler.writable();
    expect(alice.take()).toEqual(['tunnel_credit']);
    expect(last(alice, 'tunnel_credit').bytes).toBe(1000);
  });

  test('a slow reader that gives credit is not idle', async () => {
    const { alice, bob, a, b } = await tunnel();
    sends(alice, a, 1000);
    await run();
    alice.say({ type: 'tunnel_end', tunnel: a });
    for (let minute = 0; minute < 10; minute += 1) {
      await run(60_000);
      bob.say({ type: 'tunnel_credit', tunnel: b, bytes: 1 });
    }
    await run();
    expect(bob.frames.filter(({ type }) => type === 'tunnel_close')).toEqual([]);
  });

  test('the largest number of a request', async () => {
    const alice = await connect('alice');
    const bob = await connect('bob', -1);
    alice.say({ type: 'room_create', ref: Number.MAX_SAFE_INTEGER });
    await run();
    bob.say({ type: 'room_join', ref: Number.MAX_SAFE_INTEGER, code: last(alice, 'room_created').code });
    await run();
    expect(last(alice, 'tunnel_open').ref).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('a peer whose connection is replaced while it is called is called again', async () => {
    const alice = await connect('alice');
    const bob = await connect('bob', -1);
    alice.say({ type: 'tunnel_connect', ref: 3, to: 'bob' as PeerId });
    await run(10);
    expect(bob.take()).toEqual(['tunnel_offer']);
    const again = await connect('bob', -1);
    bob.hangUp();
    await run(500);
    again.say({ type: 'tunnel_accept', tunnel: last(again, 'tunnel_offer').tunnel, accept: true });
    await run();
    expect(last(alice, 'tunnel_open').ref).toBe(3);
  });

  test('one caller does not take all offers of a peer, also when it comes back and goes on', async () => {
    let mallory = await connect('mallory');
    const carol = await connect('carol');
    const bob = await connect('bob', -1);
    const call = async (): Promise<void> => {
      for (let ref = 0; ref < 16; ref += 1) mallory.say({ type: 'tunnel_connect', ref, to: 'bob' as PeerId });
      await run();
      await run();
    };
    await call();
    expect(bob.take()).toEqual(new Array(16).fill('tunnel_offer'));
    const former = mallory;
    mallory = await connect('mallory');
    await call();
    expect(mallory.take()).toEqual(new Array(16).fill('error tunnel_limit'));
    former.hangUp();
    carol.say({ type: 'tunnel_connect', ref: 1, to: 'bob' as PeerId });
    await run();
    expect(last(bob, 'tunnel_offer').from).toBe('carol');
  });

  test('a connection that goes ends its tunnels, and takes its calls back', async () => {
    const { alice, bob, b } = await tunnel();
    alice.say({ type: 'tunnel_connect', ref: 4, to: 'bob' as PeerId });
    await run();
    const offered = last(bob, 'tunnel_offer').tunnel;
    bob.take();
    alice.hangUp();
    await run();
    const closed = bob.frames.flatMap((one) => (one.type === 'tunnel_close' ? [[one.tunnel, one.reason]] : []));
    expect(closed.sort()).toEqual([
      [b, 'peer_gone'],
      [offered, 'peer_gone'],
    ]);
    bob.say({ type: 'tunnel_accept', tunnel: offered, accept: true });
    await run();
    expect([bob.closedWith, nodes.at(-1)?.relay.gauges(0).tunnelEnds]).toEqual([0, 0]);
  });

  test('a peer that declines', async () => {
    const alice = await connect('alice');
    const bob = await connect('bob', -1);
    alice.say({ type: 'tunnel_connect', ref: 3, to: 'bob' as PeerId });
    await run();
    bob.say({ type: 'tunnel_accept', tunnel: 1, accept: false, reason: 'busy' });
    await run();
    expect(last(alice, 'error')).toEqual({ type: 'error', code: 'declined', message: 'busy', ref: 3 });
  });

  test('a peer that does not answer has declined, and is told that it is too late', async () => {
    const alice = await connect('alice');
    const bob = await connect('bob', -1);
    alice.say({ type: 'tunnel_connect', ref: 3, to: 'bob' as PeerId });
    await run(9000);
    expect(alice.take()).toEqual([]);
    await run(2000);
    expect(last(alice, 'error')).toMatchObject({ code: 'declined', ref: 3 });
    expect(last(bob, 'tunnel_close')).toEqual({ type: 'tunnel_close', tunnel: 1, reason: 'timeout' });
  });

  test('a peer that is not connected', async () => {
    const alice = await connect('alice');
    alice.say({ type: 'tunnel_connect', ref: 3, to: 'nobody' as PeerId });
    await run(3000);
    expect(last(alice, 'error')).toMatchObject({ code: 'peer_offline', ref: 3 });
  });

  test('a room whose owner is away is joined when the owner is back, also elsewhere', async () => {
    const alice = await connect('alice');
    alice.say({ type: 'room_create', ref: 5 });
    await run();
    const { code } = last(alice, 'room_created');
    alice.hangUp();
    await run(3000);
    const bob = await connect('bob', -1);
    bob.say({ type: 'room_join', ref: 1, code });
    await run(3000);
    expect(bob.take()).toEqual(['error no_room']);
    const again = await connect('alice', -1);
    bob.say({ type: 'room_join', ref: 2, code });
    await run();
    expect(last(again, 'tunnel_open')).toMatchObject({ ref: 5, peer: 'bob' });
    expect(last(bob, 'tunnel_open')).toMatchObject({ ref: 2, peer: 'alice' });
  });

  test('a peer may call itself', async () => {
    const alice = await connect('alice');
    alice.say({ type: 'tunnel_connect', ref: 3, to: 'alice' as PeerId });
    await run();
    alice.say({ type: 'tunnel_accept', tunnel: last(alice, 'tunnel_offer').tunnel, accept: true });
    await run();
    const ids = alice.frames.flatMap((one) => (one.type === 'tunnel_open' ? [one.tunnel] : []));
    sends(alice, ids[0] as number, 5);
    await run();
    expect(alice.take().at(-1)).toBe(`tunnel_data ${ids[1]} 5`);
  });

  test('bytes are counted once, for who sends them', async () => {
    const { alice, a } = await tunnel();
    sends(alice, a, 300);
    await run();
    expect(nodes[0]?.relay.counters.tunnelBytes).toBe(300);
    await run(6000);
    const hour = Math.floor(cluster.world.now() / 3_600_000);
    const reply = await nodes[0]?.store.usage.read('r' as never, hour, false);
    expect(reply).toMatchObject({ records: [{ usage: { tunnelBytes: 300 } }] });
  });
});

describe('limits', () => {
  test('tunnels, rooms and requests of a connection together', async () => {
    await start(1, { perConnection: 2 });
    const alice = await connect('alice');
    const bob = await connect('bob');
    alice.say({ type: 'room_create', ref: 1 });
    await run();
    alice.say({ type: 'tunnel_connect', ref: 2, to: 'bob' as PeerId });
    alice.say({ type: 'room_create', ref: 3 });
    alice.say({ type: 'room_join', ref: 4, code: '1234' });
    alice.say({ type: 'tunnel_connect', ref: 5, to: 'bob' as PeerId });
    await run(10);
    const refused = alice.frames.flatMap((one) => (one.type === 'error' ? [[one.code, one.ref]] : []));
    expect(refused).toEqual([
      ['tunnel_limit', 3],
      ['tunnel_limit', 4],
      ['tunnel_limit', 5],
    ]);
    // A room whose time is over counts no more.
    bob.say({ type: 'tunnel_accept', tunnel: 1, accept: true });
    await run(601_000);
    sends(alice, last(alice, 'tunnel_open').tunnel, 1);
    alice.say({ type: 'room_create', ref: 6 });
    await run();
    expect(last(alice, 'room_created').ref).toBe(6);
  });

  test('a peer with as many tunnels as it may is called in vain', async () => {
    await start(1, { perConnection: 1 });
    const { bob, b } = await tunnel();
    const carol = await connect('carol');
    carol.say({ type: 'tunnel_connect', ref: 1, to: 'bob' as PeerId });
    await run();
    const offered = last(bob, 'tunnel_offer').tunnel;
    bob.say({ type: 'tunnel_accept', tunnel: offered, accept: true });
    await run();
    expect([last(carol, 'error').code, last(bob, 'tunnel_close')]).toEqual([
      'tunnel_limit',
      { type: 'tunnel_close', tunnel: offered, reason: 'limit' },
    ]);
    expect(sends(bob, b, 1)).toBe(true);
  });

  test('rooms of a realm', async () => {
    await start(1, { roomsPerRealm: 1 });
    const alice = await connect('alice');
    alice.say({ type: 'room_create', ref: 1 });
    alice.say({ type: 'room_create', ref: 2 });
    await run();
    expect(alice.take()).toEqual(['room_created', 'error room_limit']);
  });

  test('a time to live is cut to the longest there is', async () => {
    await start(1, { maxRoomTtlMs: 5000 });
    const alice = await connect('alice');
    alice.say({ type: 'room_create', ref: 1, ttlMs: 60_000 });
    await run(0);
    expect(last(alice, 'room_created').expiresAt - cluster.world.now()).toBe(5000);
  });

  test('bytes of a tunnel, both directions together', async () => {
    await start(1, { maxBytes: 100 });
    const { alice, bob, a, b } = await tunnel();
    sends(alice, a, 60);
    sends(bob, b, 40);
    expect([got(bob).length, got(alice).length]).toEqual([60, 40]);
    sends(alice, a, 1);
    await run();
    expect([last(alice, 'tunnel_close').reason, last(bob, 'tunnel_close').reason]).toEqual(['limit', 'limit']);
  });

  test('a tunnel without traffic', async () => {
    await start(1, { idleMs: 10_000 });
    const { alice, bob, a } = await tunnel();
    await run(9000);
    sends(alice, a, 1);
    await run(9000);
    expect(bob.take()).toEqual(['tunnel_data 1 1']);
    await run(3000);
    expect([last(alice, 'tunnel_close').reason, last(bob, 'tunnel_close').reason]).toEqual(['idle', 'idle']);
  });

  test('one that waits for a slow client and carries too much is over, and nothing of it waits any more', async () => {
    await start(1, { maxBytes: 100 });
    const { alice, bob, a } = await tunnel();
    bob.isCongested = true;
    sends(alice, a, 60);
    sends(alice, a, 60);
    expect(nodes[0]?.relay.gauges(0).tunnelBytes).toBe(0);
    bob.isCongested = false;
    bob.handler.writable();
    expect(bob.take()).toEqual(['tunnel_close']);
  });

  test('bytes that wait on a node', async () => {
    await start(1, { heldBytes: 4 * 1000 });
    const { alice, bob, a } = await tunnel();
    bob.isCongested = true;
    sends(alice, a, 800);
    await run();
    expect(nodes[0]?.relay.gauges(0).tunnelBytes).toBe(800);
    sends(alice, a, 800);
    await run();
    expect([last(alice, 'tunnel_close').reason, last(bob, 'tunnel_close').reason]).toEqual([
      'overloaded',
      'overloaded',
    ]);
    expect(nodes[0]?.relay.gauges(0).tunnelBytes).toBe(0);
  });
});

describe('what is malformed', () => {
  test.each([
    ['a tunnel that was never given', { type: 'tunnel_data', tunnel: 2, bytes: new Uint8Array(1) }],
    ['tunnel 0', { type: 'tunnel_end', tunnel: 0 }],
    ['credit for a tunnel that was never given', { type: 'tunnel_credit', tunnel: 9, bytes: 1 }],
    ['a number that is in use', { type: 'room_create', ref: 77 }],
  ] as const)('%s', async (_what, frame) => {
    await start(1);
    const { alice } = await tunnel();
    alice.say({ type: 'room_create', ref: 77 });
    await run();
    alice.say(frame);
    expect(alice.closedWith).toBe(CloseCode.malformed);
  });

  test('bytes behind the end, and a second end', async () => {
    await start(1);
    const { alice, bob, a, b } = await tunnel();
    alice.say({ type: 'tunnel_end', tunnel: a });
    bob.say({ type: 'tunnel_end', tunnel: b });
    await run();
    const again = await tunnelAgain(alice, bob);
    alice.say({ type: 'tunnel_end', tunnel: again.a });
    sends(alice, again.a, 1);
    expect(alice.closedWith).toBe(CloseCode.malformed);
    await run();
    expect(last(bob, 'tunnel_close').reason).toBe('peer_gone');
  });

  test('a first frame about a tunnel', async () => {
    await start(1);
    const alice = await connect('alice');
    sends(alice, 1, 1);
    expect(alice.closedWith).toBe(CloseCode.malformed);
  });
});

async function tunnelAgain(alice: Client, bob: Client): Promise<{ a: number; b: number }> {
  alice.say({ type: 'tunnel_connect', ref: 30, to: 'bob' as PeerId });
  await run();
  const { tunnel } = last(bob, 'tunnel_offer');
  bob.say({ type: 'tunnel_accept', tunnel, accept: true });
  await run();
  return { a: last(alice, 'tunnel_open').tunnel, b: tunnel };
}
