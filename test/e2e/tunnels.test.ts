import { type Client, SecurityError, TunnelError } from '@causeway/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Relay, startRelay } from '../kit/relay.ts';
import { waitFor } from '../kit/wait.ts';
import {
  Clients,
  digest,
  exchange,
  KIB,
  MIB,
  meet,
  nextOffer,
  pairUp,
  pattern,
  readAll,
  writeAll,
  writeForever,
} from './tunnel-kit.ts';

/** What the two ends and the relay may hold of a direction whose reader does not read. */
const WINDOW = MIB;
/** In this end's stream: what waits in it, and what it has staged for the next frame. */
const WRITER_BYTES = 3 * 64 * KIB;

let relay: Relay;
const clients = new Clients();
let alice: Client;
let bob: Client;

beforeAll(async () => {
  relay = await startRelay();
});

afterAll(async () => {
  await relay.stop();
});

afterEach(() => clients.stop());

async function joinBoth(url = relay.url): Promise<void> {
  alice = await clients.join(url, 'alice');
  bob = await clients.join(url, 'bob');
}

describe('a tunnel', () => {
  it.each([0, 1, 65_535, 65_536, 65_537, MIB, MIB + 1, 5_000_000])('carries %i bytes each way, raw', async (size) => {
    await joinBoth();
    const pair = await pairUp(alice, bob);
    expect(await exchange(pair, size)).toBe(true);
    expect(await Promise.all([pair.near.closed, pair.far.closed])).toEqual([{ kind: 'done' }, { kind: 'done' }]);
  });

  it.each([0, 1, 65_536, 5_000_000])('carries %i bytes each way, encrypted', async (size) => {
    await joinBoth();
    const pair = await meet(alice, bob);
    expect(await exchange(pair, size)).toBe(true);
    expect(await Promise.all([pair.near.closed, pair.far.closed])).toEqual([{ kind: 'done' }, { kind: 'done' }]);
  });

  it('carries writes of any size', async () => {
    await joinBoth();
    const { near, far } = await pairUp(alice, bob);
    const sent = pattern(300_000);
    const reading = readAll(far);
    await writeAll(near, sent, 7);
    expect(digest(await reading)).toBe(digest(sent));
  });

  it('is one of several on a connection, which go on side by side', async () => {
    await joinBoth();
    const pairs = [];
    for (let i = 0; i < 8; i++) pairs.push(i % 2 ? await pairUp(alice, bob) : await pairUp(bob, alice));
    expect(await Promise.all(pairs.map((pair) => exchange(pair, 500_000)))).toEqual(pairs.map(() => true));
  });

  it('can be ended by either end first', async () => {
    await joinBoth();
    for (const [first, second] of [
      ['near', 'far'],
      ['far', 'near'],
    ] as const) {
      const pair = await pairUp(alice, bob);
      await writeAll(pair[first], pattern(10));
      expect(await readAll(pair[second])).toHaveLength(10);
      await writeAll(pair[second], pattern(100_000));
      expect(await readAll(pair[first])).toHaveLength(100_000);
      expect(await pair.near.closed).toEqual({ kind: 'done' });
    }
  });
});

describe.each([
  ['raw', pairUp],
  ['encrypted', meet],
] as const)('a reader that does not read, %s', (_, connect) => {
  it('stops the writer, and nobody else', async () => {
    await joinBoth();
    const { near, far } = await connect(alice, bob);
    const { written, done } = writeForever(near);
    // All that the window lets through has come, and messages still pass in both directions.
    await waitFor(() => (connect === pairUp ? bob : alice).stats().bytesReceived >= WINDOW, {
      what: 'a window is full',
    });
    for (let i = 0; i < 20; i++) {
      expect((await alice.send('bob', 'x', { receipt: false })).status).toBe('sent');
      await alice.send('carol', 'x');
      await bob.send('carol', 'x');
    }
    expect(written()).toBeGreaterThan(WINDOW - 64 * KIB);
    expect(written()).toBeLessThanOrEqual(WINDOW + WRITER_BYTES);
    const reader = far.readable.getReader();
    for (let read = 0; read < 4 * WINDOW; ) read += (await reader.read()).value?.length ?? 0;
    expect(written()).toBeGreaterThan(3 * WINDOW);
    far.close();
    await done;
  });
});

describe('the end of a tunnel', () => {
  it('by close() tells the other end the reason', async () => {
    await joinBoth();
    const { near, far } = await pairUp(alice, bob);
    near.close('seen enough');
    await expect(readAll(far)).rejects.toMatchObject({ name: 'TunnelError', code: 'closed', reason: 'seen enough' });
    expect(await far.closed).toEqual({ kind: 'closed', reason: 'seen enough', byPeer: true });
    expect(await near.closed).toEqual({ kind: 'closed', reason: 'seen enough', byPeer: false });
  });

  it('by abort() does not wait for what is under way', async () => {
    await joinBoth();
    const { near, far } = await pairUp(alice, bob);
    const { done } = writeForever(near);
    far.close('full');
    await done;
    expect(await near.closed).toEqual({ kind: 'closed', reason: 'full', byPeer: true });
    const other = await pairUp(alice, bob);
    const writer = other.near.writable.getWriter();
    const writing = writer.write(new Uint8Array(10 * MIB));
    await Promise.allSettled([writing, writer.abort('changed my mind')]);
    expect(await other.far.closed).toEqual({ kind: 'closed', reason: 'changed my mind', byPeer: true });
  });

  it.each([pairUp, meet])('comes with the connection of the other end', async (connect) => {
    await joinBoth();
    const { near, far } = await connect(alice, bob);
    const reading = expect(readAll(near)).rejects.toBeInstanceOf(TunnelError);
    await (connect === pairUp ? bob : alice).stop();
    expect(await near.closed).toEqual({ kind: 'closed', reason: 'peer_gone', byPeer: true });
    await reading;
    expect(await far.closed).toMatchObject({ kind: 'closed', byPeer: false });
  });

  /** With a relay of its own. */
  async function onRelay(env: Record<string, string>, use: () => Promise<void>): Promise<void> {
    const own = await startRelay({ env });
    try {
      await joinBoth(own.url);
      await use();
    } finally {
      await clients.stop();
      await own.stop();
    }
  }

  it('comes without traffic', () =>
    onRelay({ CAUSEWAY_TUNNEL_IDLE_SECONDS: '1' }, async () => {
      const { near, far } = await pairUp(alice, bob);
      const idle = { kind: 'closed', reason: 'idle', byPeer: true };
      expect(await Promise.all([near.closed, far.closed])).toEqual([idle, idle]);
    }));

  it('comes with too much of it', () =>
    onRelay({ CAUSEWAY_TUNNEL_MAX_BYTES: String(MIB) }, async () => {
      const { near, far } = await pairUp(alice, bob);
      const outcomes = await Promise.allSettled([writeAll(near, new Uint8Array(3 * MIB)), readAll(far)]);
      const limit = { status: 'rejected', reason: { code: 'closed', reason: 'limit' } };
      expect(outcomes).toMatchObject([limit, limit]);
    }));
});

describe('asking for a tunnel', () => {
  it('fails with what stands in the way', async () => {
    await joinBoth();
    await expect(alice.connectTo('nobody')).rejects.toMatchObject({ code: 'peer_offline', retryable: true });
    await expect(alice.connectTo('bob')).rejects.toMatchObject({ code: 'declined' });
    const offered = nextOffer(bob);
    const connecting = alice.connectTo('bob', { meta: 'a file' });
    const offer = await offered;
    expect([offer.peer, new TextDecoder().decode(offer.meta)]).toEqual(['alice', 'a file']);
    offer.decline('busy');
    await expect(connecting).rejects.toMatchObject({ code: 'declined' });
  });

  it('has a limit for each connection', async () => {
    await joinBoth();
    const pairs = [];
    for (let i = 0; i < 16; i++) pairs.push(await pairUp(alice, bob));
    await expect(alice.connectTo('bob')).rejects.toMatchObject({ code: 'tunnel_limit' });
    pairs[0]?.near.close();
    await pairs[0]?.far.closed;
    await pairUp(alice, bob);
  });

  it('can be given up; what comes of it is closed', async () => {
    await joinBoth();
    const offered = nextOffer(bob);
    const abort = new AbortController();
    const connecting = alice.connectTo('bob', { signal: abort.signal });
    const offer = await offered;
    abort.abort();
    await expect(connecting).rejects.toMatchObject({ code: 'aborted' });
    const far = await offer.accept();
    expect(await far.closed).toMatchObject({ kind: 'closed', byPeer: true });
  });
});

describe('a room', () => {
  it('pairs once', async () => {
    await joinBoth();
    const room = await alice.createRoom();
    await bob.joinRoom(room.code);
    const carol = await clients.join(relay.url, 'carol');
    await expect(carol.joinRoom(room.code)).rejects.toMatchObject({ name: 'TunnelError', code: 'no_room' });
  });

  it('is used up by the wrong words', async () => {
    await joinBoth();
    const room = await alice.createRoom();
    const [locator = ''] = room.code.split('-');
    const wrong = `${locator}-${room.code.includes('lake') ? 'copper' : 'lake'}`;
    const outcomes = await Promise.allSettled([room.tunnel, bob.joinRoom(wrong)]);
    const reasons = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason : outcome.status));
    expect(reasons).toEqual([expect.any(SecurityError), expect.any(SecurityError)]);
    expect(reasons).toMatchObject([{ code: 'wrong_code' }, { code: 'wrong_code' }]);
    await expect(bob.joinRoom(room.code)).rejects.toMatchObject({ code: 'no_room' });
  });

  it('ends when its time is over', async () => {
    await joinBoth();
    const room = await alice.createRoom({ ttlMs: 1000 });
    await expect(room.tunnel).rejects.toMatchObject({ name: 'TunnelError', code: 'expired' });
    await expect(bob.joinRoom(room.code)).rejects.toMatchObject({ code: 'no_room' });
  });

  it('is one of a thousand on a node, several on each connection', async () => {
    const perClient = 16;
    const rooms = 1000;
    const count = Math.ceil(rooms / perClient);
    const crowd = (name: string): Promise<Client[]> =>
      Promise.all(Array.from({ length: count }, (_, i) => clients.join(relay.url, `${name}-${i}`)));
    const [owners, guests] = [await crowd('owner'), await crowd('guest')];
    const of = (some: readonly Client[], room: number): Client => some[Math.floor(room / perClient)] as Client;
    const open = await Promise.all(Array.from({ length: rooms }, (_, i) => of(owners, i).createRoom()));
    expect(new Set(open.map(({ code }) => code)).size).toBe(rooms);
    const pairs = await Promise.all(
      open.map(async ({ code, tunnel }, i) => ({ near: await of(guests, i).joinRoom(code), far: await tunnel })),
    );
    const exchanged = await Promise.all(pairs.map((pair) => exchange(pair, 3000)));
    expect(exchanged.filter(Boolean)).toHaveLength(rooms);
    const ends = await Promise.all(pairs.flatMap(({ near, far }) => [near.closed, far.closed]));
    expect(ends.filter(({ kind }) => kind === 'done')).toHaveLength(2 * rooms);
  });
});
