import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Bridge, type Meddle } from '../test/bridge.ts';
import { bytesOf, opening, readAll, settled, TunnelKit, text } from '../test/tunnel-kit.ts';
import type { Tunnel } from './index.ts';

let alice: TunnelKit;
let bob: TunnelKit;

beforeEach(async () => {
  alice = await TunnelKit.start({ peer: 'alice' });
  bob = await TunnelKit.start({ peer: 'bob' });
});

afterEach(async () => {
  vi.useRealTimers();
  await alice.stop();
  await bob.stop();
});

/** Both connected, by way of a relay that may change what passes. */
async function bridged(meddle?: Meddle): Promise<Bridge> {
  return new Bridge([await alice.connected(), await bob.connected()], ['alice', 'bob'], meddle);
}

async function say(from: Tunnel, to: Tunnel, what: string): Promise<string> {
  const writer = from.writable.getWriter();
  void writer.write(bytesOf(what));
  void writer.close();
  return text(await readAll(to.readable));
}

describe('a room', () => {
  it('makes a tunnel of two peers that have its code, which the relay cannot read', async () => {
    const bridge = await bridged();
    const room = await alice.client.createRoom();
    expect(room.code).toMatch(/^4821-[a-z]+-[a-z]+-[a-z]+$/);
    const [ours, theirs] = await Promise.all([
      room.tunnel,
      bob.client.joinRoom(room.code.toUpperCase().replaceAll('-', ' ')),
    ]);
    expect([ours.peer, theirs.peer]).toEqual(['bob', 'alice']);
    expect(await say(theirs, ours, 'a secret from bob')).toBe('a secret from bob');
    expect(await say(ours, theirs, 'a secret from alice')).toBe('a secret from alice');
    expect(await Promise.all([ours.closed, theirs.closed])).toEqual([{ kind: 'done' }, { kind: 'done' }]);
    expect(ours.verifier).toBe(theirs.verifier);
    expect(ours.exportKey('resume', 32)).toEqual(theirs.exportKey('resume', 32));
    expect(bridge.joined).toEqual(['4821']);
    expect(Buffer.concat(bridge.seen).includes('secret')).toBe(false);
  });

  it('is used up by the wrong words, and both are told', async () => {
    await bridged();
    const room = await alice.client.createRoom({ words: 1 });
    const wrong = room.code.endsWith('-lake') ? '4821-copper' : '4821-lake';
    const outcomes = await Promise.allSettled([room.tunnel, bob.client.joinRoom(wrong)]);
    expect(outcomes).toMatchObject([
      { reason: { name: 'SecurityError', code: 'wrong_code', retryable: false } },
      { reason: { name: 'SecurityError', code: 'wrong_code', retryable: false } },
    ]);
  });

  it('tells both when bytes were changed on their way', async () => {
    let passed = 0;
    await bridged((bytes) => {
      passed += 1;
      // Of the handshake, three messages each end by the fourth frame.
      return passed <= 4 ? bytes : bytes.map((byte) => byte ^ 1);
    });
    const room = await alice.client.createRoom();
    const [ours, theirs] = await Promise.all([room.tunnel, bob.client.joinRoom(room.code)]);
    const writing = theirs.writable.getWriter().write(bytesOf('x'));
    await expect(readAll(ours.readable)).rejects.toMatchObject({ name: 'SecurityError', code: 'tampered' });
    await writing.catch(() => undefined);
    expect(await theirs.closed).toMatchObject({ kind: 'closed', byPeer: true });
  });

  it('tells the reader when a tunnel ends that the other end had not finished', async () => {
    await bridged();
    const room = await alice.client.createRoom();
    const [ours, theirs] = await Promise.all([room.tunnel, bob.client.joinRoom(room.code)]);
    const reading = readAll(ours.readable);
    theirs.close('bored');
    await expect(reading).rejects.toMatchObject({ name: 'TunnelError', code: 'closed', reason: 'bored' });
  });
});

describe('createRoom', () => {
  it('says how long, and refuses what cannot be', async () => {
    const peer = await alice.connected();
    const creating = alice.client.createRoom({ ttlMs: 5000, words: 5 });
    const { ref, ttlMs } = await peer.next('room_create');
    expect(ttlMs).toBe(5000);
    peer.send({ type: 'room_created', ref, code: '17', expiresAt: 1_700_000_000_000 });
    const room = await creating;
    expect([room.code.split('-').length, room.expiresAt]).toEqual([6, new Date(1_700_000_000_000)]);
    for (const options of [{ words: 0 }, { words: 17 }, { ttlMs: 0.5 }]) {
      await expect(alice.client.createRoom(options)).rejects.toMatchObject({ code: 'bad_option' });
    }
    room.close();
    await expect(room.tunnel).rejects.toMatchObject({ name: 'TunnelError', code: 'aborted' });
    peer.send(opening({ ref, tunnel: 1 }));
    expect(await peer.next('tunnel_close')).toMatchObject({ tunnel: 1 });
  });

  it('is asked again when the connection ends before the answer, under another ref', async () => {
    const first = await alice.connected();
    const creating = alice.client.createRoom();
    const asked = await first.next('room_create');
    first.socket.terminate();
    const second = await alice.accept();
    const again = await second.next('room_create');
    expect(again.ref).not.toBe(asked.ref);
    second.send({ type: 'room_created', ref: again.ref, code: '17', expiresAt: Date.now() + 60_000 });
    const room = await creating;
    // The room that the first connection may have made: whoever has guessed it gets nothing.
    second.send(opening({ ref: asked.ref, tunnel: 1 }));
    expect(await second.next('tunnel_close')).toMatchObject({ tunnel: 1 });
    room.close();
  });

  it('gives a room that waits over a reconnect', async () => {
    const first = await alice.connected();
    const creating = alice.client.createRoom();
    const { ref } = await first.next('room_create');
    first.send({ type: 'room_created', ref, code: '17', expiresAt: Date.now() + 60_000 });
    const room = await creating;
    first.socket.terminate();
    const second = await alice.accept();
    second.send(opening({ ref, tunnel: 1 }), { type: 'tunnel_close', tunnel: 1, reason: 'peer_gone' });
    await expect(room.tunnel).rejects.toMatchObject({ name: 'TunnelError', code: 'closed', reason: 'peer_gone' });
  });

  it('gives a room up by its signal, before and after it is there', async () => {
    const peer = await alice.connected();
    const [before, after] = [new AbortController(), new AbortController()];
    const early = alice.client.createRoom({ signal: before.signal });
    await peer.next('room_create');
    before.abort();
    await expect(early).rejects.toMatchObject({ code: 'aborted' });
    const late = alice.client.createRoom({ signal: after.signal });
    const { ref } = await peer.next('room_create');
    peer.send({ type: 'room_created', ref, code: '17', expiresAt: Date.now() + 60_000 });
    const room = await late;
    after.abort('enough');
    await expect(room.tunnel).rejects.toMatchObject({ code: 'aborted', cause: 'enough' });
  });

  it('expires by the clock of the relay', async () => {
    const peer = await alice.connected();
    const creating = alice.client.createRoom();
    const { ref } = await peer.next('room_create');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    // The relay's clock shows 0, more or less, as WELCOME had it.
    peer.send({ type: 'room_created', ref, code: '17', expiresAt: 60_000 });
    const room = await creating;
    const expired = vi.fn();
    room.tunnel.catch(expired);
    await vi.advanceTimersByTimeAsync(59_000);
    expect(expired).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(2000);
    expect(expired).toHaveBeenCalledWith(expect.objectContaining({ name: 'TunnelError', code: 'expired' }));
  });
});

describe('joinRoom', () => {
  it('sends nothing for what is no code', async () => {
    const peer = await bob.connected();
    for (const code of ['', 'lake', '4821', '4821-notaword']) {
      await expect(bob.client.joinRoom(code)).rejects.toMatchObject({ name: 'UsageError', code: 'bad_code' });
    }
    const joining = bob.client.joinRoom('4821-lake');
    const { ref, code } = await peer.next('room_join');
    expect(code).toBe('4821');
    peer.send({ type: 'error', code: 'no_room', message: 'no such room', ref });
    await expect(joining).rejects.toMatchObject({ name: 'TunnelError', code: 'no_room', retryable: false });
  });

  it('fails when the connection ends before the answer: the room may be used up', async () => {
    const peer = await bob.connected();
    const joining = bob.client.joinRoom('4821-lake');
    await peer.next('room_join');
    peer.socket.terminate();
    await expect(joining).rejects.toMatchObject({ code: 'connection_lost' });
    await settled(await bob.accept());
  });
});
