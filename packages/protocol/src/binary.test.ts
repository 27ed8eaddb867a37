import { describe, expect, test } from 'vitest';
import {
  ACK_FRAME_BYTES,
  type ClientFrame,
  decodeClientPacket,
  decodeRelayPacket,
  deliverFrameBytes,
  encodeFrame,
  encodeUtf8,
  type Frame,
  type PeerId,
  type RelayFrame,
  receiptFrameBytes,
  sendFrameBytes,
  writeAckFrame,
  writeDeliverFrame,
  writeReceiptFrame,
  writeSendFrame,
} from './index.ts';

const bob = 'bob' as PeerId;
const payload = Uint8Array.of(1, 2, 3);
const ack = (seq: number): Frame => ({ type: 'ack', seq });

function packetOf(...frames: Frame[]): Uint8Array {
  return Uint8Array.from(frames.flatMap((frame) => [...encodeFrame(frame)]));
}

/** Runs a writer inside a larger pooled buffer and holds that it stays within its bounds. */
function written(bytes: number, write: (target: Uint8Array, offset: number) => number): Uint8Array {
  const pool = Buffer.alloc(bytes + 10, 0xee);
  expect(write(pool, 5)).toBe(5 + bytes);
  expect([...pool.subarray(0, 5), ...pool.subarray(5 + bytes)]).toEqual(Array(10).fill(0xee));
  return Uint8Array.from(pool.subarray(5, 5 + bytes));
}

test.each([0, 1, 2 ** 53 - 1, 2n ** 53n, 2n ** 64n - 1n])('writers agree with encodeFrame for id %s', (id) => {
  const peer = encodeUtf8('bob');
  expect(written(sendFrameBytes(3, 3), (target, at) => writeSendFrame(target, at, id, 5, peer, payload))).toEqual(
    encodeFrame({ type: 'send', id, flags: 5, to: bob, payload }),
  );
  const seq = 2 ** 32 - 1;
  expect(
    written(deliverFrameBytes(3, 3), (target, at) => writeDeliverFrame(target, at, seq, id, 3, peer, payload)),
  ).toEqual(encodeFrame({ type: 'deliver', seq, id, flags: 3, from: bob, payload }));
  expect(
    written(receiptFrameBytes(2), (target, at) => writeReceiptFrame(target, at, [7, id, 9], [1, 2, 16], 1, 3)),
  ).toEqual(
    encodeFrame({
      type: 'receipt',
      receipts: [
        { id, status: 2 },
        { id: 9, status: 16 },
      ],
    }),
  );
});

test('writeAckFrame agrees with encodeFrame', () => {
  expect(written(ACK_FRAME_BYTES, (target, at) => writeAckFrame(target, at, 2 ** 31))).toEqual(
    encodeFrame(ack(2 ** 31)),
  );
});

test('payloads and tunnel bytes are views into the packet, everything else is a copy', () => {
  const frames: Frame[] = [
    { type: 'send', id: 1, flags: 0, to: bob, payload },
    { type: 'tunnel_data', tunnel: 1, bytes: payload },
    { type: 'ping', data: new Uint8Array(8) },
    { type: 'proof', signature: new Uint8Array(64) },
  ];
  const pool = Buffer.concat([Buffer.alloc(3), packetOf(...frames)]);
  const packet = pool.subarray(3);
  const read: ClientFrame[] = [];
  expect(decodeClientPacket(packet, (frame) => read.push(frame) > 0)).toBeNull();
  packet.fill(0xff);
  expect(read).toEqual([
    { type: 'send', id: 1, flags: 0, to: 'bob', payload: Uint8Array.of(255, 255, 255) },
    { type: 'tunnel_data', tunnel: 1, bytes: Uint8Array.of(255, 255, 255) },
    { type: 'ping', data: new Uint8Array(8) },
    { type: 'proof', signature: new Uint8Array(64) },
  ]);
});

test('false from onFrame ends a packet, also before what is malformed', () => {
  const packet = Uint8Array.of(...packetOf(ack(1), ack(2)), 0x30);
  const read: ClientFrame[] = [];
  expect(decodeClientPacket(packet, (frame) => read.push(frame) < 2)).toBeNull();
  expect(read).toEqual([ack(1), ack(2)]);

  const pong: Frame = { type: 'pong', data: new Uint8Array(8) };
  const seen: RelayFrame[] = [];
  const never = () => expect.fail('nothing behind the first frame is looked at');
  decodeRelayPacket(Uint8Array.of(...packetOf(pong), 0x30), (frame) => seen.push(frame) > 1, never);
  expect(seen).toEqual([pong]);
});

test('what onFrame throws passes through', () => {
  const fail = () => {
    throw new TypeError('of the session');
  };
  const packet = packetOf({ type: 'ping', data: new Uint8Array(8) });
  expect(() => decodeClientPacket(packet, fail)).toThrow('of the session');
  expect(() => decodeRelayPacket(packet, fail, () => {})).toThrow('of the session');
});

test('reasons name the frame and what it needs', () => {
  const reasonOf = (...bytes: number[]) => decodeClientPacket(Uint8Array.from(bytes), () => true)?.reason;
  expect(reasonOf(0x10, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0)).toBe('SEND body is 7 bytes, at least 10 are needed');
  expect(reasonOf(0x12, 0, 0, 3, 0, 0, 0)).toBe('ACK body is 3 bytes, 4 are needed');
  expect(reasonOf(0x12, 0, 0, 4, 0)).toBe('frame at byte 0 needs 8 bytes, 5 are left');
  expect(reasonOf(0x30, 0, 0, 0)).toBe('frame type 0x30 is unknown');
  expect(reasonOf(0x11, 0, 0, 0)).toBe('DELIVER comes only from a relay');
  expect(reasonOf(0x01, 0, 0, 1, 0xa0)).toBe('HELLO lacks "v"');
});

test('a SEND without an id has no binary form; one to nobody has the empty recipient', () => {
  expect(() => encodeFrame({ type: 'send', id: null, flags: 0, to: bob, payload })).toThrow(RangeError);
  const packet = encodeFrame({ type: 'send', id: 1, flags: 0, to: null, payload });
  expect([...packet.subarray(4)]).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3]);
});

/** The recipient that is read out of a SEND with these bytes as `to`. */
function recipient(to: Uint8Array): string | null {
  const body = [0, 0, 0, 0, 0, 0, 0, 1, 0, to.length, ...to];
  let read: string | null | undefined;
  const failure = decodeClientPacket(Uint8Array.of(0x10, 0, 0, body.length, ...body), (frame) => {
    if (frame.type === 'send') read = frame.to;
    return true;
  });
  if (read === undefined) throw new Error(failure?.reason);
  return read;
}

describe('a peer id is never taken for one that was read before', () => {
  test('with the same length and end', () => {
    const tail = 'z'.repeat(16);
    for (const first of ['a', 'b', 'a']) expect(recipient(encodeUtf8(first + tail))).toBe(first + tail);
    for (const first of [0xe1, 0x07, 0x80, 0xff]) {
      expect(recipient(Uint8Array.of(first, ...encodeUtf8(tail)))).toBeNull();
    }
    expect(recipient(encodeUtf8(`a${tail}`))).toBe(`a${tail}`);
  });

  // So many that, for any hash, some pairs fall on one slot of the table.
  const starts = Array.from({ length: 94 * 94 }, (_, i) =>
    String.fromCharCode(0x21 + (i % 94), 0x21 + Math.floor(i / 94)),
  );

  test('that is a part of it', () => {
    const wrong = starts.filter((start) => {
      recipient(encodeUtf8(start));
      return ['-', '-1', '-12'].some((end) => recipient(encodeUtf8(start + end)) !== start + end);
    });
    expect(wrong).toEqual([]);
  });

  test('whose characters have the numbers of its bytes', () => {
    const wrong = starts.filter((start) => {
      // U+00C3 in UTF-8 is C3 83; the byte C3 alone is no UTF-8.
      recipient(encodeUtf8(`${start}\u00c3`));
      return recipient(Uint8Array.of(...encodeUtf8(start), 0xc3)) !== null;
    });
    expect(wrong).toEqual([]);
  });
});
