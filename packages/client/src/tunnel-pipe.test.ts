import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ScriptedPeer } from '../test/scripted-relay.ts';
import { bytesOf, openTunnel, readAll, settled, TunnelKit, text, WINDOW } from '../test/tunnel-kit.ts';
import { cutReason } from './tunnel-pipe.ts';

const KIB = 1024;

let kit: TunnelKit;
let peer: ScriptedPeer;

beforeEach(async () => {
  kit = await TunnelKit.start();
  peer = await kit.connected();
});

afterEach(() => kit.stop());

/** The next `count` bytes of TUNNEL_DATA, and how many each frame had. */
async function receive(count: number): Promise<{ readonly bytes: Buffer; readonly sizes: number[] }> {
  const pieces: Uint8Array[] = [];
  for (let size = 0; size < count; ) {
    const { bytes } = await peer.next('tunnel_data');
    pieces.push(bytes);
    size += bytes.length;
  }
  return { bytes: Buffer.concat(pieces), sizes: pieces.map(({ length }) => length) };
}

const pattern = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8)) % 256);

describe('writing', () => {
  it.each([1, 65_535, 65_536, 65_537, 300_000, WINDOW])('sends %i bytes, at most 65536 in a frame', async (size) => {
    const tunnel = await openTunnel(kit, peer);
    const writer = tunnel.writable.getWriter();
    const sent = pattern(size);
    const writing = writer.write(sent);
    const { bytes, sizes } = await receive(size);
    await writing;
    expect(bytes.equals(sent)).toBe(true);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(65_536);
  });

  it('puts small writes into one frame, and takes a copy of each', async () => {
    const tunnel = await openTunnel(kit, peer);
    const writer = tunnel.writable.getWriter();
    const buffer = new Uint8Array(100);
    for (let i = 0; i < 600; i++) {
      void writer.write(buffer.fill(i).slice());
    }
    const { bytes, sizes } = await receive(60_000);
    expect(sizes).toHaveLength(1);
    expect([0, 1, 599].map((i) => bytes[i * 100])).toEqual([0, 1, 599 % 256]);
  });

  it('waits for credit, however it is given', async () => {
    const tunnel = await openTunnel(kit, peer, { credit: 10 });
    const writer = tunnel.writable.getWriter();
    let done = false;
    const writing = writer.write(pattern(100_000)).then(() => {
      done = true;
    });
    expect((await receive(10)).sizes).toEqual([10]);
    peer.send({ type: 'tunnel_credit', tunnel: 1, bytes: 70_000 });
    expect((await receive(70_000)).sizes).toEqual([65_536, 4464]);
    await settled(peer);
    // What is left fits what this end keeps for the next frame.
    await writing;
    expect(done).toBe(true);
    peer.send({ type: 'tunnel_credit', tunnel: 1, bytes: 29_990 });
    expect((await receive(29_990)).sizes).toEqual([29_990]);
  });

  it('stops the writer without credit: it holds one frame, the stream one more', async () => {
    const tunnel = await openTunnel(kit, peer, { credit: 0 });
    const writer = tunnel.writable.getWriter();
    let taken = 0;
    for (let i = 0; i < 3; i++) {
      void writer.write(new Uint8Array(65_536)).then(
        () => {
          taken += 1;
        },
        () => undefined,
      );
    }
    await settled(peer);
    expect(taken).toBe(0);
    expect(writer.desiredSize).toBeLessThan(0);
    peer.send({ type: 'tunnel_credit', tunnel: 1, bytes: 65_536 });
    await receive(65_536);
    await settled(peer);
    expect(taken).toBe(1);
  });

  it('sends END behind all bytes, and leaves the other direction open', async () => {
    const tunnel = await openTunnel(kit, peer, { credit: 3 });
    const writer = tunnel.writable.getWriter();
    void writer.write(bytesOf('abcdef'));
    const closing = writer.close();
    expect((await receive(3)).bytes.toString()).toBe('abc');
    await settled(peer);
    peer.send({ type: 'tunnel_credit', tunnel: 1, bytes: 3 });
    expect((await receive(3)).bytes.toString()).toBe('def');
    expect(await peer.next('tunnel_end')).toMatchObject({ tunnel: 1 });
    await closing;
    peer.send({ type: 'tunnel_data', tunnel: 1, bytes: bytesOf('answer') }, { type: 'tunnel_end', tunnel: 1 });
    expect(text(await readAll(tunnel.readable))).toBe('answer');
    expect(await tunnel.closed).toEqual({ kind: 'done' });
  });

  it('closes the tunnel when it is aborted, also while it waits for credit', async () => {
    const tunnel = await openTunnel(kit, peer, { credit: 0 });
    const writer = tunnel.writable.getWriter();
    const writing = writer.write(new Uint8Array(200_000));
    const reading = readAll(tunnel.readable);
    void writer.abort(new Error('changed my mind')).catch(() => undefined);
    await expect(writing).rejects.toMatchObject({ code: 'closed' });
    await expect(reading).rejects.toMatchObject({ code: 'closed', reason: 'changed my mind' });
    expect(await peer.next('tunnel_close')).toMatchObject({ tunnel: 1, reason: 'changed my mind' });
    expect(await tunnel.closed).toEqual({ kind: 'closed', reason: 'changed my mind', byPeer: false });
  });

  it('closes the tunnel when it is aborted, also in the turn in which a frame went out', async () => {
    const tunnel = await openTunnel(kit, peer);
    const writer = tunnel.writable.getWriter();
    const writing = writer.write(new Uint8Array(200_000));
    const aborting = writer.abort('changed my mind');
    await expect(writing).rejects.toMatchObject({ code: 'closed' });
    await expect(aborting).resolves.toBeUndefined();
    expect(await peer.next('tunnel_close')).toMatchObject({ tunnel: 1, reason: 'changed my mind' });
  });

  it('closes the tunnel when it is given what is not bytes', async () => {
    const tunnel = await openTunnel(kit, peer);
    const writer = tunnel.writable.getWriter();
    const write = writer.write('text' as unknown as Uint8Array);
    await expect(write).rejects.toMatchObject({ name: 'UsageError', code: 'bad_option' });
    expect(await peer.next('tunnel_close')).toMatchObject({ tunnel: 1 });
  });
});

describe('reading', () => {
  it('gives back credit as the application reads, and not before', async () => {
    const tunnel = await openTunnel(kit, peer);
    const frame = { type: 'tunnel_data', tunnel: 1, bytes: new Uint8Array(64 * KIB) } as const;
    peer.send(frame, frame, frame, frame);
    peer.send(frame, frame, frame, frame);
    await settled(peer);
    const reader = tunnel.readable.getReader();
    for (let i = 0; i < 4; i++) await reader.read();
    expect(await peer.next('tunnel_credit')).toMatchObject({ tunnel: 1, bytes: 256 * KIB });
    for (let i = 0; i < 4; i++) await reader.read();
    expect(await peer.next('tunnel_credit')).toMatchObject({ tunnel: 1, bytes: 256 * KIB });
  });

  it('fails at once with the reason of the other end', async () => {
    const tunnel = await openTunnel(kit, peer);
    peer.send(
      { type: 'tunnel_data', tunnel: 1, bytes: bytesOf('x') },
      { type: 'tunnel_close', tunnel: 1, reason: 'peer_gone' },
    );
    expect(await tunnel.closed).toEqual({ kind: 'closed', reason: 'peer_gone', byPeer: true });
    await expect(readAll(tunnel.readable)).rejects.toMatchObject({ code: 'closed', reason: 'peer_gone' });
    await expect(tunnel.writable.getWriter().closed).rejects.toMatchObject({ reason: 'peer_gone' });
    tunnel.close('again');
    peer.send({ type: 'tunnel_data', tunnel: 1, bytes: bytesOf('late') });
    await settled(peer);
  });

  it('closes the tunnel when it is cancelled', async () => {
    const tunnel = await openTunnel(kit, peer);
    await tunnel.readable.cancel('seen enough');
    expect(await peer.next('tunnel_close')).toMatchObject({ tunnel: 1, reason: 'seen enough' });
  });
});

describe('a connection with bulk on it', () => {
  it('carries messages past what tunnels have still to send', async () => {
    const tunnels = [await openTunnel(kit, peer, { tunnel: 1 }), await openTunnel(kit, peer, { tunnel: 2 })];
    peer.socket.pause();
    const size = 64 * WINDOW;
    const writing = tunnels.map(async (tunnel, index) => {
      peer.send({ type: 'tunnel_credit', tunnel: index + 1, bytes: size });
      const writer = tunnel.writable.getWriter();
      for (let sent = 0; sent < size; sent += WINDOW) await writer.write(new Uint8Array(WINDOW));
    });
    void kit.client.send('carol', 'in between').catch(() => undefined);
    peer.socket.resume();
    let before = 0;
    const frames = peer.each();
    for await (const frame of frames) {
      if (frame.type === 'tunnel_data') before += frame.bytes.length;
      if (frame.type === 'send') break;
    }
    expect(before).toBeLessThan(size / 4);
    for (const tunnel of tunnels) tunnel.close();
    await Promise.allSettled(writing);
  });
});

describe('cutReason', () => {
  it('cuts at 128 bytes of UTF-8, between characters', () => {
    expect(cutReason('a'.repeat(128))).toHaveLength(128);
    expect(cutReason('a'.repeat(200))).toHaveLength(128);
    expect(cutReason('ä'.repeat(64))).toHaveLength(64);
    expect(cutReason(`a${'ä'.repeat(64)}`)).toBe(`a${'ä'.repeat(63)}`);
  });
});
