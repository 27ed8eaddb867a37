import { encodeFrame, PROTOCOL_VERSION } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { MemoryBound } from '../../../services/relay/src/memory-bound.ts';
import { peerId, type RawPeer } from '../../kit/peer.ts';
import { waitFor } from '../../kit/wait.ts';
import { useVictim } from './fixture.ts';

const MIB = 1024 * 1024;
const CONNECTIONS = 48;
const HALF = 16;
const PAYLOAD = new Uint8Array(60_000);
const PIECE = Buffer.alloc(64 * 1024);

const victim = useVictim({
  CAUSEWAY_MAX_CONNECTIONS: String(CONNECTIONS + 2),
  CAUSEWAY_SEND_WINDOW: '64',
  CAUSEWAY_MESSAGE_BYTES: String(16 * MIB),
  CAUSEWAY_OUTBOUND_BYTES: String(16 * MIB),
  // What is not acknowledged stays in the windows: no spill to the mailboxes, which are not part of the bound.
  CAUSEWAY_ACK_TIMEOUT_MS: '60000',
  CAUSEWAY_MAILBOX_BYTES: '65536',
});

function boundOf(): MemoryBound {
  const record = victim.relay.logs.find(({ event }) => event === 'memory_bound');
  return record?.bytes as MemoryBound;
}

function join(role: string): Promise<RawPeer[]> {
  return Promise.all(Array.from({ length: HALF }, (_, index) => victim.connect({ peer: `${role}-${index}` })));
}

/** A registered connection whose next message is almost as large as it may be, and never ends. */
async function unfinished(): Promise<void> {
  const socket = new WebSocket(`${victim.relay.url}/v1`, 'causeway.v1', { perMessageDeflate: false });
  socket.on('error', () => undefined);
  victim.keep(socket);
  await new Promise((resolve) => socket.once('open', resolve));
  socket.send(encodeFrame({ type: 'hello', v: PROTOCOL_VERSION, realm: 'default' as never }));
  for (let sent = 0; sent < 2 * MIB - PIECE.length; sent += PIECE.length) {
    await new Promise<void>((resolve) => socket.send(PIECE, { fin: false, binary: true }, () => resolve()));
  }
}

/** Messages that nobody acknowledges, each in a packet that is as large as it may be, until the window is full. */
function fill(peer: RawPeer, index: number): void {
  const filler = Buffer.concat([Buffer.of(0xc0, 0x0c, 0, 0), Buffer.alloc(0xc0000)]);
  for (let id = 1; id <= 64; id += 1) {
    const to = peerId(`deaf-${(index + id) % HALF}`);
    const small = encodeFrame({ type: 'send', id, flags: 0, to, payload: new Uint8Array(1) });
    const large = encodeFrame({ type: 'send', id, flags: 0, to, payload: PAYLOAD });
    peer.sendRaw(id % 2 === 0 ? Buffer.concat([small, filler]) : large);
  }
}

test('a node whose clients all do their worst stays below its bound', async () => {
  const bound = boundOf();
  const before = await victim.relay.rss();
  let most = before;
  const watch = setInterval(() => void victim.relay.rss().then((rss) => (most = Math.max(most, rss))), 50);
  try {
    const deaf = await join('deaf');
    for (const peer of deaf) peer.pauseReading();
    const senders = await join('sender');
    await Promise.all(Array.from({ length: HALF }, unfinished));
    for (const [index, peer] of senders.entries()) fill(peer, index);
    const taken = async (): Promise<boolean> => {
      const metrics = await victim.relay.metrics();
      const refused = metrics.value('causeway_drops_total', { reason: 'node_full' });
      return metrics.value('causeway_pending_sends') + refused + metrics.value('causeway_receipts_total') >= HALF * 64;
    };
    await waitFor(taken, { what: 'all packets are read', timeoutMs: 60_000 });
    most = Math.max(most, await victim.relay.rss());
    expect((await victim.relay.metrics()).value('causeway_connections')).toBeGreaterThanOrEqual(2 * HALF);
  } finally {
    clearInterval(watch);
  }
  expect(most).toBeLessThan(bound.total);
  expect(most - before).toBeLessThan(bound.total - bound.base);
  // The test reaches what it is about: unfinished messages alone are that much.
  expect(most - before).toBeGreaterThan(HALF * MIB);
  await victim.atRest();
});
