import { type Client, SecurityError } from '@causeway/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type RedisDeployment, startRedis } from '../kit/redis.ts';
import { type Relay, type RelayCluster, startCluster, startRelay } from '../kit/relay.ts';
import { waitFor } from '../kit/wait.ts';
import { Clients, exchange, KIB, MIB, meet, pairUp, readAll, writeForever } from './tunnel-kit.ts';

const WINDOW = MIB;
/** In this end's stream: what waits in it, and what it has staged for the next frame. */
const WRITER_BYTES = 3 * 64 * KIB;
/** So that a node that was killed is noticed soon. */
const ENV = { CAUSEWAY_NODE_LEASE_MS: '3000' };

let redis: RedisDeployment;
let cluster: RelayCluster | undefined;
let alice: Client;
let bob: Client;
const clients = new Clients();

beforeAll(async () => {
  redis = await startRedis();
  cluster = await startCluster({ relays: 2, redis, env: ENV });
});

afterAll(async () => {
  await cluster?.stop();
  await redis.stop();
});

afterEach(() => clients.stop());

const [first, second] = [0, 1].map((i) => (): Relay => cluster?.relays[i] as Relay) as [() => Relay, () => Relay];

/** Alice on the one node, bob on the other. */
async function joinBoth(): Promise<void> {
  alice = await clients.join(first().url, 'alice');
  bob = await clients.join(second().url, 'bob');
}

describe('a tunnel between nodes', () => {
  it.each([0, 1, 65_536, 65_537, MIB + 1, 5_000_000])('carries %i bytes each way, raw', async (size) => {
    await joinBoth();
    const pair = await pairUp(alice, bob);
    expect(await exchange(pair, size)).toBe(true);
    expect(await Promise.all([pair.near.closed, pair.far.closed])).toEqual([{ kind: 'done' }, { kind: 'done' }]);
  });

  it.each([1, 5_000_000])('carries %i bytes each way, encrypted', async (size) => {
    await joinBoth();
    const pair = await meet(alice, bob);
    expect(await exchange(pair, size)).toBe(true);
    expect(await Promise.all([pair.near.closed, pair.far.closed])).toEqual([{ kind: 'done' }, { kind: 'done' }]);
  });

  it('stops the writer when the reader does not read', async () => {
    await joinBoth();
    const { near, far } = await pairUp(alice, bob);
    const { written, done } = writeForever(near);
    await waitFor(() => bob.stats().bytesReceived >= WINDOW, { what: 'a window is full' });
    for (let i = 0; i < 20; i++) await alice.send('carol', 'x');
    expect(written()).toBeLessThanOrEqual(WINDOW + WRITER_BYTES);
    const reader = far.readable.getReader();
    for (let read = 0; read < 4 * WINDOW; ) read += (await reader.read()).value?.length ?? 0;
    expect(written()).toBeGreaterThan(3 * WINDOW);
    near.close('enough');
    await done;
    expect(await far.closed).toEqual({ kind: 'closed', reason: 'enough', byPeer: true });
  });

  it('ends with the connection of the other end', async () => {
    await joinBoth();
    const { near } = await pairUp(alice, bob);
    await bob.stop();
    expect(await near.closed).toEqual({ kind: 'closed', reason: 'peer_gone', byPeer: true });
  });

  it('ends when the node of the other end is killed', async () => {
    const third = await startRelay({ redis, env: ENV });
    alice = await clients.join(first().url, 'alice');
    const carol = await clients.join([third.url, second().url], 'carol');
    const { near, far } = await pairUp(alice, carol);
    const { done } = writeForever(near);
    const reading = expect(readAll(far)).rejects.toMatchObject({ code: 'connection_lost' });
    third.kill('SIGKILL');
    await reading;
    expect(await far.closed).toEqual({ kind: 'closed', reason: 'connection_lost', byPeer: false });
    const end = await near.closed;
    // Whichever is noticed first: that carol is elsewhere, or that her node is dead.
    expect(end).toEqual({
      kind: 'closed',
      reason: expect.stringMatching(/^(node_gone|peer_gone|lost)$/),
      byPeer: true,
    });
    await done;
    await third.exited;
    const again = await pairUp(alice, carol);
    expect(await exchange(again, 100_000)).toBe(true);
  });
});

describe('a room of several nodes', () => {
  it('is used up by the wrong words', async () => {
    await joinBoth();
    const room = await alice.createRoom();
    const [locator = ''] = room.code.split('-');
    const wrong = `${locator}-${room.code.includes('lake') ? 'copper' : 'lake'}`;
    const outcomes = await Promise.allSettled([room.tunnel, bob.joinRoom(wrong)]);
    expect(outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason)).toEqual([
      expect.any(SecurityError),
      expect.any(SecurityError),
    ]);
    await expect(bob.joinRoom(room.code)).rejects.toMatchObject({ code: 'no_room' });
  });

  it('outlives the node on which it was made: its owner has moved on', async () => {
    const leaving = await startRelay({ redis, env: { ...ENV, CAUSEWAY_DRAIN_SECONDS: '1' } });
    const dora = await clients.join([leaving.url, second().url], 'dora');
    alice = await clients.join(first().url, 'alice');
    const room = await dora.createRoom();
    const tunnel = await pairUp(alice, dora);
    const moved = new Promise<void>((resolve) => {
      dora.on('welcome', () => resolve());
    });
    const exit = leaving.stop();
    await moved;
    expect(await exit).toBe(0);
    expect(await tunnel.far.closed).toEqual({ kind: 'closed', reason: 'connection_lost', byPeer: false });
    expect(await tunnel.near.closed).toMatchObject({ kind: 'closed', byPeer: true });
    const near = await alice.joinRoom(room.code);
    expect(await exchange({ near, far: await room.tunnel }, 100_000)).toBe(true);
  });
});
