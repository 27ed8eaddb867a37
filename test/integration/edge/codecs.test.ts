import type { Socket } from 'node:net';
import {
  type ClientFrame,
  CloseCode,
  encodeFrame,
  HARD_PACKET_BYTES,
  MAX_PACKET_BYTES,
  messageId,
  ReceiptStatus,
  type RelayFrame,
  SUBPROTOCOL_BINARY,
  SUBPROTOCOL_JSON,
} from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import type { Connection } from '../../../services/relay/src/core/connection.ts';
import { BOB, Client, framesOf, send, start } from './start.ts';

const HELLO = encodeFrame({ type: 'hello', v: 1, realm: 'default' as never });
const LARGE_ID = messageId(2n ** 63n);

/** Everything that a relay sends about one message, to the sender itself. */
function echo(connection: Connection, frame: ClientFrame): void {
  if (frame.type !== 'send' || frame.id === null) return;
  connection.deliver(1, frame.id, 2, BOB, frame.payload);
  connection.receipt(frame.id, ReceiptStatus.delivered);
  connection.receipt(LARGE_ID, ReceiptStatus.queued);
  connection.send({ type: 'throttle', scope: 'peer', retryAfterMs: 7 });
  connection.receipt(3, ReceiptStatus.offline);
}

const WELCOME: RelayFrame = {
  type: 'welcome',
  peer: BOB,
  realm: 'default' as never,
  node: 'n1' as never,
  epoch: 1,
  heartbeatMs: 25_000,
  maxPayload: 65_536,
  sendWindow: 256,
  queued: 0,
  reservation: { ttlMs: 1, expiresAt: 1, renewed: false, limits: {} },
  serverTime: 1,
};

function welcome(connection: Connection, frame: ClientFrame): void {
  if (frame.type === 'hello') connection.send(WELCOME);
}

describe('causeway.v1', () => {
  test('what is sent in one turn leaves as one packet, in order, receipts merged', async () => {
    const { url } = await start(echo);
    const client = await new Client(url).opened();
    const payload = Buffer.from('hello');
    client.socket.send(send(5, payload));
    const [packet] = await client.next(1);
    expect(framesOf(packet as Buffer)).toEqual([
      { type: 'deliver', seq: 1, id: 5, flags: 2, from: BOB, payload: Uint8Array.from(payload) },
      {
        type: 'receipt',
        receipts: [
          { id: 5, status: 1 },
          { id: LARGE_ID, status: 2 },
        ],
      },
      { type: 'throttle', scope: 'peer', retryAfterMs: 7 },
      { type: 'receipt', receipts: [{ id: 3, status: 16 }] },
    ]);
  });

  test('what comes of several messages that are read together leaves as one packet', async () => {
    const { url } = await start((connection, frame) => {
      if (frame.type === 'send' && frame.id !== null) connection.receipt(frame.id, ReceiptStatus.queued);
    });
    const client = await new Client(url).opened();
    const { _socket: tcp } = client.socket as unknown as { _socket: Socket };
    tcp.cork();
    for (const id of [1, 2, 3]) client.socket.send(send(id, new Uint8Array(1)));
    tcp.uncork();
    const [packet] = await client.next(1);
    expect(framesOf(packet as Buffer)).toEqual([
      { type: 'receipt', receipts: [1, 2, 3].map((id) => ({ id, status: ReceiptStatus.queued })) },
    ]);
  });

  test('more than 1 MiB in one turn leaves in packets of at most 1 MiB, whole and in order', async () => {
    const count = 300;
    const { url } = await start(
      (connection) => {
        for (let seq = 1; seq <= count; seq += 1) {
          connection.deliver(seq, seq, 0, BOB, new Uint8Array(10_000).fill(seq));
          connection.receipt(seq, 1);
        }
      },
      { deliveryWindowBytes: 4 * MAX_PACKET_BYTES },
    );
    const client = await new Client(url).opened();
    client.socket.send(HELLO);
    const packets = (await client.next(3)) as Buffer[];
    expect(Math.max(...packets.map(({ length }) => length))).toBeLessThanOrEqual(MAX_PACKET_BYTES);
    const frames = packets.flatMap(framesOf);
    expect(frames).toHaveLength(2 * count);
    for (const [index, frame] of frames.entries()) {
      const seq = Math.floor(index / 2) + 1;
      if (frame.type === 'deliver') {
        expect([frame.seq, frame.payload.length, frame.payload[9_999]]).toEqual([seq, 10_000, seq % 256]);
      } else {
        expect(frame).toEqual({ type: 'receipt', receipts: [{ id: seq, status: 1 }] });
      }
    }
  });

  test('hands over frames of a packet in order and a payload that stays as it was', async () => {
    const { url, seen } = await start((connection, frame) => {
      if (frame.type === 'ping') connection.send({ type: 'pong', data: frame.data });
    });
    const client = await new Client(url).opened();
    const ping = encodeFrame({ type: 'ping', data: new Uint8Array(8) });
    client.socket.send(Buffer.concat([send(1, Buffer.from('first')), send(2, Buffer.from('second'))]));
    client.socket.send(Buffer.concat([send(3, Buffer.alloc(50_000, 'x')), ping]));
    await client.next(1);
    const payloads = seen.frames.map((frame) =>
      frame.type === 'send' ? Buffer.from(frame.payload).toString('latin1') : frame.type,
    );
    expect(payloads).toEqual(['first', 'second', 'x'.repeat(50_000), 'ping']);
  });

  test('frames before a malformed one take effect, those behind a close do not', async () => {
    const { url, seen } = await start();
    const client = await new Client(url).opened();
    const bad = Uint8Array.of(0x12, 0, 0, 3, 0, 0, 0);
    client.socket.send(Buffer.concat([send(1, Buffer.alloc(1)), bad, send(2, Buffer.alloc(1))]));
    client.socket.send(send(3, Buffer.alloc(1)));
    expect(await client.closed()).toEqual({ code: CloseCode.malformed, reason: 'malformed' });
    expect(seen.frames).toHaveLength(1);
    expect(seen.malformed).toEqual(['ACK body is 3 bytes, 4 are needed']);
    expect(client.frames).toEqual([{ type: 'error', code: 'malformed', message: 'ACK body is 3 bytes, 4 are needed' }]);
    expect(seen.closed).toBe(1);
    expect(seen.closeCodes).toEqual([CloseCode.malformed]);
  });

  test('a text message is malformed, as is a binary one under causeway.v1.json', async () => {
    const { url, seen } = await start();
    const binary = await new Client(url).opened();
    binary.socket.send('{"type":"ping"}');
    expect((await binary.closed()).code).toBe(CloseCode.malformed);
    const json = await new Client(url, SUBPROTOCOL_JSON).opened();
    json.socket.send(HELLO);
    expect((await json.closed()).code).toBe(CloseCode.malformed);
    expect(seen.malformed).toEqual([
      'text message, causeway.v1 has binary messages only',
      'binary message, causeway.v1.json has text messages only',
    ]);
  });

  test('a packet above 1 MiB is malformed, above 2 MiB the connection drops', async () => {
    const { url, seen } = await start(welcome);
    const fits = send(1, Buffer.alloc(MAX_PACKET_BYTES - 17));
    expect(fits.length).toBe(MAX_PACKET_BYTES);
    const malformed = await new Client(url).opened();
    malformed.socket.send(HELLO);
    malformed.socket.send(fits);
    malformed.socket.send(Buffer.alloc(MAX_PACKET_BYTES + 1));
    expect((await malformed.closed()).code).toBe(CloseCode.malformed);
    expect(seen.frames.map(({ type }) => type)).toEqual(['hello', 'send']);
    expect(seen.malformed).toEqual(['packet is 1048577 bytes, at most 1048576 are allowed']);
    const dropped = await new Client(url).opened();
    dropped.socket.on('error', () => undefined);
    dropped.socket.send(Buffer.alloc(HARD_PACKET_BYTES + 1));
    expect((await dropped.closed()).code).toBe(1006);
    expect(seen.malformed).toHaveLength(1);
    expect(seen.closed).toBe(2);
  });

  test('a few bytes do not keep the packet alive in which they came', async () => {
    const { url, seen } = await start(welcome);
    const client = await new Client(url).opened();
    client.socket.send(HELLO);
    const payloads = [0, 1, 100, 5000, 60_000].map((length) => Buffer.alloc(length, length));
    const filler = Buffer.concat([Buffer.of(0xc0, 0x08, 0, 0), Buffer.alloc(0x80000)]);
    client.socket.send(Buffer.concat([...payloads.map((payload) => send(payload.length, payload)), filler]));
    client.socket.send(Buffer.concat(payloads.slice(0, 3).map((payload) => send(payload.length, payload))));
    client.socket.close();
    await client.closed();
    const kept = seen.frames.flatMap((frame) => (frame.type === 'send' ? [frame.payload] : []));
    expect(kept.map((payload) => Buffer.from(payload))).toEqual([...payloads, ...payloads.slice(0, 3)]);
    for (const payload of kept) expect(payload.buffer.byteLength).toBeLessThanOrEqual(Math.max(8192, payload.length));
  });
});

test.each([SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON])(
  '%s: before WELCOME a packet is at most the largest HELLO',
  async (protocol) => {
    const { url, seen } = await start(welcome);
    const isJson = protocol === SUBPROTOCOL_JSON;
    const opening = isJson ? '{"type":"hello"}' : HELLO;
    const sized = (bytes: number): string | Uint8Array => {
      if (isJson) return `{"type":"ping","data":"AAAAAAAAAAA="${' '.repeat(bytes - 37)}}`;
      return Buffer.concat([Buffer.of(0xc0, (bytes - 4) >> 16, (bytes - 4) >> 8, bytes - 4), Buffer.alloc(bytes - 4)]);
    };
    const early = await new Client(url, protocol).opened();
    early.socket.send(sized(65_540));
    early.socket.send(sized(65_541));
    expect((await early.closed()).code).toBe(CloseCode.malformed);
    expect(seen.malformed).toEqual(['packet is 65541 bytes, at most 65540 are allowed before WELCOME']);
    const late = await new Client(url, protocol).opened();
    late.socket.send(opening);
    late.socket.send(sized(65_541));
    late.socket.close(1000);
    expect((await late.closed()).code).toBe(1000);
    expect(seen.malformed).toHaveLength(1);
  },
);

describe('causeway.v1.json', () => {
  test('one text message for each object, in order', async () => {
    const { url, seen } = await start(echo);
    const client = await new Client(url, SUBPROTOCOL_JSON).opened();
    client.socket.send('{"type":"send","id":"5","to":"bob","text":"hello"}');
    const messages = await client.next(5);
    expect(messages.map((message) => JSON.parse(String(message)))).toEqual([
      { type: 'deliver', seq: 1, id: '5', flags: 2, from: 'bob', payload: 'aGVsbG8=' },
      { type: 'receipt', id: '5', status: 'delivered' },
      { type: 'receipt', id: '9223372036854775808', status: 'queued' },
      { type: 'throttle', scope: 'peer', retryAfterMs: 7 },
      { type: 'receipt', id: '3', status: 'offline' },
    ]);
    client.socket.send('{"type":"nonsense"}');
    expect((await client.closed()).code).toBe(CloseCode.malformed);
    expect(seen.malformed).toEqual(['message has an unknown "type"']);
  });
});
