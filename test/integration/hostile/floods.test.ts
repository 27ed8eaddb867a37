import { type ClientFrame, encodeFrame, type PeerId, PROTOCOL_VERSION } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { peerId, type RawPeer } from '../../kit/peer.ts';
import { waitFor } from '../../kit/wait.ts';
import { useVictim } from './fixture.ts';

const ATTACKERS = 20;
const HEARTBEAT_MS = 500;

const victim = useVictim({
  CAUSEWAY_HEARTBEAT_MS: String(HEARTBEAT_MS),
  CAUSEWAY_MAILBOX_TTL_SECONDS: '5',
  CAUSEWAY_RESERVATION_TTL_SECONDS: '5',
});

function attackers(): Promise<RawPeer[]> {
  return Promise.all(Array.from({ length: ATTACKERS }, (_, index) => victim.connect({ peer: `attacker-${index}` })));
}

/** So many frames in one packet. */
function packet(count: number, frame: (index: number) => ClientFrame): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, index) => encodeFrame(frame(index))));
}

const someone = (index: number): PeerId => peerId(`nobody-${index}`);
const CONTROLS: Record<string, (index: number) => ClientFrame> = {
  PING: () => ({ type: 'ping', data: new Uint8Array(8) }),
  PONG: () => ({ type: 'pong', data: new Uint8Array(8) }),
  'WATCH and UNWATCH': (index) => ({ type: index % 2 === 0 ? 'watch' : 'unwatch', peers: [someone(index >> 1)] }),
  'empty WATCH': () => ({ type: 'watch', peers: [] }),
};

test.each(Object.entries(CONTROLS))('a flood of %s', async (_name, frame) => {
  const floods = await victim.since('causeway_drops_total', { reason: 'control_flood' });
  const bytes = packet(2000, frame);
  await victim.during(async () => {
    const peers = await attackers();
    for (const peer of peers) peer.sendRaw(bytes);
    const ends = await Promise.all(
      peers.map(async (peer) => [(await peer.next('error')).code, (await peer.closed).code]),
    );
    expect(ends).toEqual(peers.map(() => ['rate_limited', 4029]));
  });
  expect((await victim.since('causeway_drops_total', { reason: 'control_flood' })) - floods).toBe(ATTACKERS);
  await victim.atRest();
});

test('a flood of HELLO, on one connection and on many', async () => {
  const hello = packet(2000, () => ({
    type: 'hello',
    v: PROTOCOL_VERSION,
    realm: 'default' as never,
    peer: peerId('again'),
  }));
  await victim.during(async () => {
    const peers = await attackers();
    for (const peer of peers) peer.sendRaw(hello);
    for (const peer of peers) expect((await peer.closed).code).toBe(4400);
    for (let round = 0; round < 20; round += 1) {
      const rivals = await Promise.all(Array.from({ length: 10 }, () => victim.connect()));
      for (const rival of rivals) rival.sendHello({ peer: 'the-same' });
      // Whoever was let in last stays; the others are told that they are replaced, or that too many are.
      await Promise.all(rivals.map((rival) => Promise.race([rival.closed, rival.next('welcome')])));
      for (const rival of rivals) rival.terminate();
    }
  });
  await victim.atRest();
});

test('a flood of SEND to peers that were never seen', async () => {
  await victim.during(async () => {
    const peers = await attackers();
    for (const [number, peer] of peers.entries()) {
      const sends = packet(5000, (id) => ({
        type: 'send',
        id,
        flags: 0,
        to: someone(number * 5000 + id),
        payload: new Uint8Array(1),
      }));
      peer.sendRaw(sends);
    }
    for (const peer of peers) expect((await peer.closed).code).toBe(4029);
  });
  expect(await victim.since('causeway_drops_total', { reason: 'refused_too_often' })).toBe(ATTACKERS);
  expect(await victim.since('causeway_drops_total', { reason: 'send_window' })).toBeGreaterThan(ATTACKERS * 4096);
  await victim.atRest();
});

test('messages in tiny pieces that never end', async () => {
  await victim.during(async () => {
    const sockets = await Promise.all(Array.from({ length: ATTACKERS }, () => openSocket()));
    for (const socket of sockets) {
      socket.send(encodeFrame({ type: 'hello', v: PROTOCOL_VERSION, realm: 'default' as never }));
      for (let piece = 0; piece < 3000; piece += 1) socket.send(Buffer.of(0xc0), { fin: false, binary: true });
    }
    const registered = () => victim.since('causeway_registrations_total');
    const before = ATTACKERS;
    await waitFor(async () => (await registered()) >= before, { what: 'all are let in' });
    for (const socket of sockets) socket.terminate();
  });
  await victim.atRest();
});

test('peers that have vanished without a close', async () => {
  const vanished = await victim.since('causeway_connections_closed_total', { code: '4008' });
  await victim.during(async () => {
    const sockets = await Promise.all(Array.from({ length: ATTACKERS }, () => openSocket(false)));
    for (const socket of sockets)
      socket.send(encodeFrame({ type: 'hello', v: PROTOCOL_VERSION, realm: 'default' as never }));
    for (const socket of sockets) socket.pause();
    const gone = async (): Promise<boolean> =>
      (await victim.since('causeway_connections_closed_total', { code: '4008' })) - vanished === ATTACKERS;
    await waitFor(gone, { what: 'all are closed as silent', timeoutMs: 30_000 });
    for (const socket of sockets) socket.terminate();
  });
  await victim.atRest();
});

test('recipients that read nothing', async () => {
  const payload = new Uint8Array(60_000);
  await victim.during(async () => {
    const deaf = await attackers();
    for (const peer of deaf) peer.pauseReading();
    const sender = await victim.connect({ peer: 'sender' });
    for (let round = 0; round < 12; round += 1) {
      const ids = deaf.map((_, index) => sender.message(`attacker-${index}`, payload));
      const open = new Set(ids);
      while (open.size > 0) for (const { id } of (await sender.next('receipt')).receipts) open.delete(id);
    }
    for (const peer of deaf) peer.terminate();
  });
  await victim.atRest();
});

async function openSocket(autoPong = true): Promise<WebSocket> {
  const socket = new WebSocket(`${victim.relay.url}/v1`, 'causeway.v1', { perMessageDeflate: false, autoPong });
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('open', resolve));
  return victim.keep(socket);
}
