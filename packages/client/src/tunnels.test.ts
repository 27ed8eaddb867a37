import type { PeerId } from '@causeway/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesOf, opening, openTunnel, readAll, settled, TunnelKit, text } from '../test/tunnel-kit.ts';
import type { TunnelOffer } from './index.ts';

const alice = 'alice' as PeerId;

let kit: TunnelKit;

beforeEach(async () => {
  kit = await TunnelKit.start();
});

afterEach(() => kit.stop());

/** The next offer, not answered. */
function nextOffer(): Promise<TunnelOffer> {
  return new Promise((resolve) => kit.client.onTunnel(resolve));
}

describe('connectTo', () => {
  it('asks for a peer with what is to be said, and resolves with the tunnel', async () => {
    const peer = await kit.connected();
    const connecting = kit.client.connectTo('alice', { meta: 'hi' });
    const { ref, to, meta } = await peer.next('tunnel_connect');
    expect([to, meta]).toEqual(['alice', bytesOf('hi')]);
    peer.send(opening({ ref, tunnel: 7 }));
    const tunnel = await connecting;
    expect(tunnel.peer).toBe('alice');
    tunnel.close('enough');
    expect(await peer.next('tunnel_close')).toMatchObject({ tunnel: 7, reason: 'enough' });
    expect(await tunnel.closed).toEqual({ kind: 'closed', reason: 'enough', byPeer: false });
  });

  it('may be called before there is a connection, and never uses a ref twice', async () => {
    const early = kit.client.connectTo('alice');
    const peer = await kit.connected();
    const first = await peer.next('tunnel_connect');
    const late = kit.client.connectTo('carol');
    const second = await peer.next('tunnel_connect');
    expect(second.ref).not.toBe(first.ref);
    peer.send(opening({ ref: second.ref, tunnel: 1, peer: 'carol' as PeerId }), opening({ ref: first.ref, tunnel: 2 }));
    expect([(await early).peer, (await late).peer]).toEqual(['alice', 'carol']);
  });

  it.each([
    ['peer_offline', true],
    ['declined', false],
    ['tunnel_limit', true],
    ['unavailable', true],
    ['rate_limited', true],
  ])('fails with %s, and with the time to wait', async (code, retryable) => {
    const peer = await kit.connected();
    const connecting = kit.client.connectTo('alice');
    const { ref } = await peer.next('tunnel_connect');
    peer.send({ type: 'error', code, message: 'no', ref, retryAfterMs: 30 });
    await expect(connecting).rejects.toMatchObject({ name: 'TunnelError', code, retryable, retryAfterMs: 30 });
  });

  it('takes a code that it does not know for an internal one, and goes on', async () => {
    const peer = await kit.connected();
    const connecting = kit.client.connectTo('alice');
    const { ref } = await peer.next('tunnel_connect');
    peer.send({ type: 'error', code: 'new_code', message: 'no', ref });
    await expect(connecting).rejects.toMatchObject({ code: 'internal', message: 'new_code: no' });
    expect(kit.client.status).toBe('connected');
  });

  it('fails when the connection ends before the answer: it may have been carried out', async () => {
    const peer = await kit.connected();
    const connecting = kit.client.connectTo('alice');
    await peer.next('tunnel_connect');
    peer.socket.terminate();
    await expect(connecting).rejects.toMatchObject({ code: 'connection_lost', retryable: true });
    const next = await kit.accept();
    void kit.client.connectTo('carol').catch(() => undefined);
    expect((await next.next('tunnel_connect')).to).toBe('carol');
  });

  it('can be given up; a tunnel that comes all the same is closed', async () => {
    const peer = await kit.connected();
    const abort = new AbortController();
    const connecting = kit.client.connectTo('alice', { signal: abort.signal });
    const { ref } = await peer.next('tunnel_connect');
    abort.abort('enough');
    await expect(connecting).rejects.toMatchObject({ code: 'aborted', cause: 'enough' });
    peer.send(opening({ ref, tunnel: 3 }));
    expect(await peer.next('tunnel_close')).toMatchObject({ tunnel: 3 });
    await expect(kit.client.connectTo('alice', { signal: abort.signal })).rejects.toMatchObject({ code: 'aborted' });
    await settled(peer);
  });

  it('leaves an open tunnel alone when its signal aborts later', async () => {
    const peer = await kit.connected();
    const abort = new AbortController();
    const connecting = kit.client.connectTo('alice', { signal: abort.signal });
    peer.send(opening({ ref: (await peer.next('tunnel_connect')).ref }));
    const tunnel = await connecting;
    abort.abort();
    peer.send({ type: 'tunnel_data', tunnel: 1, bytes: bytesOf('x') }, { type: 'tunnel_end', tunnel: 1 });
    expect(text(await readAll(tunnel.readable))).toBe('x');
  });

  it('checks what it is given, and fails when the client is stopped', async () => {
    await kit.connected();
    await expect(kit.client.connectTo('')).rejects.toMatchObject({ code: 'bad_peer' });
    const meta = new Uint8Array(1025);
    await expect(kit.client.connectTo('alice', { meta })).rejects.toMatchObject({ code: 'bad_option' });
    const waiting = kit.client.connectTo('alice');
    void kit.client.stop();
    await expect(waiting).rejects.toMatchObject({ code: expect.stringMatching(/stopped|connection_lost/) });
    await expect(kit.client.connectTo('alice')).rejects.toMatchObject({ code: 'stopped' });
  });
});

describe('onTunnel', () => {
  const offer = { type: 'tunnel_offer', tunnel: 9, from: alice, meta: bytesOf('file') } as const;

  it('accepts', async () => {
    const peer = await kit.connected();
    const offered = nextOffer();
    peer.send(offer);
    const shown = await offered;
    expect([shown.peer, text(shown.meta)]).toEqual(['alice', 'file']);
    const accepting = shown.accept();
    expect(await peer.next('tunnel_accept')).toMatchObject({ tunnel: 9, accept: true });
    peer.send(opening({ tunnel: 9 }), { type: 'tunnel_end', tunnel: 9 });
    const tunnel = await accepting;
    await tunnel.writable.close();
    expect(await peer.next('tunnel_end')).toMatchObject({ tunnel: 9 });
    expect(await tunnel.closed).toEqual({ kind: 'done' });
  });

  it('declines, with or without a reason', async () => {
    const peer = await kit.connected();
    const offered = nextOffer();
    peer.send(offer);
    (await offered).decline('not now');
    expect(await peer.next('tunnel_accept')).toEqual({
      type: 'tunnel_accept',
      tunnel: 9,
      accept: false,
      reason: 'not now',
    });
    await expect((await offered).accept()).rejects.toMatchObject({ code: 'aborted' });
  });

  it('declines without a handler, and when the handler throws, which is logged', async () => {
    const peer = await kit.connected();
    peer.send(offer);
    expect(await peer.next('tunnel_accept')).toMatchObject({ accept: false });
    const remove = kit.client.onTunnel(() => Promise.reject(new Error('broken')));
    expect(() => kit.client.onTunnel(() => undefined)).toThrow(expect.objectContaining({ code: 'bad_option' }));
    peer.send({ ...offer, tunnel: 10 });
    expect(await peer.next('tunnel_accept')).toMatchObject({ tunnel: 10, accept: false });
    expect(kit.errors).toEqual([new Error('broken')]);
    remove();
    kit.client.onTunnel(() => undefined);
  });

  it('tells who accepts too late why there is no tunnel', async () => {
    const peer = await kit.connected();
    const offered = nextOffer();
    peer.send(offer);
    const late = await offered;
    const accepting = late.accept();
    await peer.next('tunnel_accept');
    peer.send({ type: 'tunnel_close', tunnel: 9, reason: 'timeout' });
    await expect(accepting).rejects.toMatchObject({ code: 'closed', reason: 'timeout' });
  });

  it('closes a tunnel that opens after its accept was given up', async () => {
    const peer = await kit.connected();
    const offered = nextOffer();
    peer.send(offer);
    const abort = new AbortController();
    const accepting = (await offered).accept({ signal: abort.signal });
    await peer.next('tunnel_accept');
    abort.abort();
    await expect(accepting).rejects.toMatchObject({ code: 'aborted' });
    peer.send(opening({ tunnel: 9 }));
    expect(await peer.next('tunnel_close')).toMatchObject({ tunnel: 9 });
  });

  it('forgets offers of a connection that ended: another may use their numbers', async () => {
    const first = await kit.connected();
    const offered = nextOffer();
    first.send(offer);
    const lost = await offered;
    first.socket.terminate();
    const second = await kit.accept();
    await expect(lost.accept()).rejects.toMatchObject({ code: 'connection_lost' });
    await settled(second);
    second.send(opening({ tunnel: 9 }));
    expect(await second.next('tunnel_close')).toMatchObject({ tunnel: 9 });
  });
});

describe('a connection that ends', () => {
  it('ends its tunnels, on both streams', async () => {
    const peer = await kit.connected();
    const tunnel = await openTunnel(kit, peer);
    const reading = readAll(tunnel.readable);
    peer.socket.terminate();
    await expect(reading).rejects.toMatchObject({ name: 'TunnelError', code: 'connection_lost' });
    await expect(tunnel.writable.getWriter().write(bytesOf('x'))).rejects.toMatchObject({ code: 'connection_lost' });
    expect(await tunnel.closed).toEqual({ kind: 'closed', reason: 'connection_lost', byPeer: false });
    await kit.accept();
  });

  it('leaves what the other end had finished to be read', async () => {
    const peer = await kit.connected();
    const tunnel = await openTunnel(kit, peer);
    peer.send({ type: 'tunnel_data', tunnel: 1, bytes: bytesOf('all of it') }, { type: 'tunnel_end', tunnel: 1 });
    await settled(peer);
    peer.socket.terminate();
    expect(await tunnel.closed).toMatchObject({ reason: 'connection_lost' });
    expect(text(await readAll(tunnel.readable))).toBe('all of it');
    await kit.accept();
  });

  it('by stop() as well', async () => {
    const peer = await kit.connected();
    const tunnel = await openTunnel(kit, peer);
    await kit.client.stop();
    expect(await tunnel.closed).toMatchObject({ kind: 'closed', byPeer: false });
  });
});
