import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import {
  type ClientFrame,
  CloseCode,
  decodeClientPacket,
  decodeClientText,
  encodeFrame,
  encodeText,
  type RelayFrame,
  SUBPROTOCOL_BINARY,
  SUBPROTOCOL_JSON,
} from '@causeway/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { parseMetrics } from '../kit/metrics.ts';
import { connectPeer, peerId, type RawPeer } from '../kit/peer.ts';
import { waitFor } from '../kit/wait.ts';

/** A scripted relay of one connection: it records what comes and says what the test tells it to. */
let http: Server;
let url: string;
let relay: WebSocket;
let received: ClientFrame[];
const peers: RawPeer[] = [];

const say = (...frames: RelayFrame[]): void => {
  const json = relay.protocol === SUBPROTOCOL_JSON;
  for (const frame of frames) for (const data of json ? encodeText(frame) : [encodeFrame(frame)]) relay.send(data);
};

function record(data: Buffer, isBinary: boolean): void {
  const onFrame = (frame: ClientFrame) => received.push(frame) > 0;
  const failure = isBinary ? decodeClientPacket(data, onFrame) : decodeClientText(data.toString(), onFrame);
  if (failure !== null) relay.close(CloseCode.malformed, 'malformed');
}

beforeEach(async () => {
  received = [];
  const server = new WebSocketServer({ noServer: true });
  http = createServer();
  http.on('upgrade', (request, socket, head) => {
    if (request.headers['x-refuse'])
      return socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nno thanks');
    return server.handleUpgrade(request, socket, head, (accepted) => {
      relay = accepted.on('message', record);
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  url = `ws://127.0.0.1:${(http.address() as { port: number }).port}`;
});

afterEach(() => {
  for (const peer of peers.splice(0)) peer.terminate();
  http.close();
  http.closeAllConnections();
});

async function open(options: Partial<Parameters<typeof connectPeer>[0]> = {}): Promise<RawPeer> {
  const peer = await connectPeer({ url, ...options });
  peers.push(peer);
  return peer;
}

const delivery = (seq: number): RelayFrame => ({
  type: 'deliver',
  seq,
  id: seq,
  flags: 0,
  from: peerId('alice'),
  payload: Buffer.from(`message ${seq}`),
});

describe.each([SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON] as const)('a raw peer speaking %s', (subprotocol) => {
  test('sends frames and waits for them by type', async () => {
    const peer = await open({ subprotocol });
    peer.sendHello({ peer: 'bob' });
    expect(peer.message('alice', 'hi')).toBe(1);
    expect(peer.message('alice', 'ho', { id: 7, flags: 1 })).toBe(7);
    await waitFor(() => received.length === 3, { what: 'the relay has all frames' });
    expect(received).toMatchObject([
      { type: 'hello', v: 1, realm: 'default', peer: 'bob' },
      { type: 'send', id: 1, flags: 0, to: 'alice' },
      { type: 'send', id: 7, flags: 1 },
    ]);
    const second = peer.next('deliver', ({ seq }) => seq === 2);
    say(delivery(1), delivery(2), { type: 'receipt', receipts: [{ id: 1, status: 1 }] }, delivery(3));
    expect(Buffer.from((await second).payload).toString()).toBe('message 2');
    expect((await peer.next('receipt')).receipts).toEqual([{ id: 1, status: 1 }]);
    expect((await peer.next('deliver')).seq).toBe(1);
    expect((await peer.next('deliver')).seq).toBe(3);
    expect(peer.take('deliver')).toEqual([]);
    expect(received).toHaveLength(3);
  });

  test('hands frames that come together to those who wait, one each', async () => {
    const peer = await open({ subprotocol });
    const waiting = [peer.next('deliver'), peer.next('deliver')];
    if (subprotocol === SUBPROTOCOL_BINARY)
      relay.send(Buffer.concat([1, 2, 3].map((seq) => encodeFrame(delivery(seq)))));
    else say(delivery(1), delivery(2), delivery(3));
    expect((await Promise.all(waiting)).map(({ seq }) => seq)).toEqual([1, 2]);
    expect((await peer.next('deliver')).seq).toBe(3);
  });

  test('acknowledges when told to', async () => {
    await open({ subprotocol, autoAck: true });
    say(delivery(1), delivery(2));
    await waitFor(() => received.length === 2, { what: 'both are acknowledged' });
    expect(received).toEqual([
      { type: 'ack', seq: 1 },
      { type: 'ack', seq: 2 },
    ]);
  });
});

describe('a raw peer', () => {
  test('says what it received when it waits in vain', async () => {
    const peer = await open();
    say(delivery(1), { type: 'error', code: 'no_room', message: 'no such room', ref: 1 });
    await expect(peer.next('welcome', () => true, { timeoutMs: 200 })).rejects.toThrow(
      'waiting for welcome; received 2 frames: deliver(1), error(no_room: no such room)',
    );
    const waiting = peer.next('welcome');
    relay.close(CloseCode.forbidden, 'banned');
    await expect(waiting).rejects.toThrow('closed with 4403 "banned"');
    await expect(peer.next('welcome')).rejects.toThrow('no welcome: connection closed with 4403 "banned"');
    expect(await peer.closed).toEqual({ code: 4403, reason: 'banned' });
    expect((await peer.next('deliver')).seq).toBe(1);
  });

  test('sends raw bytes', async () => {
    const peer = await open();
    peer.sendRaw(Buffer.from([0x00, 0, 0, 0]));
    expect((await peer.closed).code).toBe(CloseCode.malformed);
  });

  test('stops reading and goes on', async () => {
    const peer = await open();
    peer.pauseReading();
    const payload = new Uint8Array(60_000);
    const flood = Array.from({ length: 800 }, (_, index) => ({ ...delivery(index + 1), payload }) as RelayFrame);
    say(...flood);
    const amounts: number[] = [];
    const steady = () => amounts.push(relay.bufferedAmount) > 5 && new Set(amounts.slice(-5)).size === 1;
    await waitFor(steady, { what: 'the buffers of the system are full' });
    expect(relay.bufferedAmount).toBeGreaterThan(0);
    expect(peer.take('deliver')).toEqual([]);
    peer.resumeReading();
    await peer.next('deliver', ({ seq }) => seq === flood.length);
    expect(peer.take('deliver')).toHaveLength(flood.length - 1);
  });

  test('is told of a refused upgrade', async () => {
    await expect(connectPeer({ url, headers: { 'x-refuse': '1' } })).rejects.toMatchObject({
      status: 400,
      body: 'no thanks',
    });
  });
});

describe('metrics', () => {
  const metrics = parseMetrics(`# HELP sent_total Messages.
# TYPE sent_total counter
sent_total{realm="a",reason="x \\"y\\" \\\\ z"} 3
sent_total{realm="b",reason="y"} 4 1700000000000
# TYPE idle_total counter
up 1
size_bucket{le="+Inf"} 2e3
`);

  test('are summed over matching labels', () => {
    expect(metrics.value('sent_total')).toBe(7);
    expect(metrics.value('sent_total', { realm: 'a' })).toBe(3);
    expect(metrics.value('sent_total', { reason: 'x "y" \\ z' })).toBe(3);
    expect(metrics.value('sent_total', { realm: 'c' })).toBe(0);
    expect([metrics.value('up'), metrics.value('idle_total'), metrics.value('size_bucket')]).toEqual([1, 0, 2000]);
  });

  test('a misspelt one is an error', () => {
    expect(() => metrics.value('send_total')).toThrow('no metric send_total among sent_total, idle_total, up');
  });
});
