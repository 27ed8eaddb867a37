import type { NodeId, PeerId } from '@causeway/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { A, B, message } from '../../../../test/simulation/core-kit.ts';
import type { PeerKey } from './address.ts';
import type { Message } from './message.ts';
import { type FieldReader, readEnvelope, readTrace } from './node-frame-reader.ts';
import {
  encodeEcho,
  encodeEmpty,
  encodeEnvelope,
  encodeHandover,
  encodeMessage,
  encodePresence,
  encodeReturned,
  encodeTrace,
  encodeTurn,
  NodeFrame,
  ReceiptsBuilder,
} from './node-frames.ts';

const MAX_U48 = 2 ** 48 - 1;
const U48 = fc.integer({ min: 0, max: MAX_U48 });
const text = (bytes: number) =>
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((one) => Buffer.byteLength(one) <= bytes);
const ID = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((id) => (id < 2n ** 53n ? Number(id) : id));
const EPOCH = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const KEY = text(200).map((one) => one as PeerKey);
const NODE = text(200).map((one) => one as NodeId);

const hex = (bytes: number, value: number): string => value.toString(16).padStart(bytes * 2, '0');

function onlyFrame(bytes: Buffer): { type: number; body: FieldReader } {
  const head = readEnvelope(encodeEnvelope(A, 1, 0, [{ bytes }]));
  const frame = head?.frames.frame();
  if (head === null || frame === undefined) throw new Error('no frame');
  expect(head.frames.more).toBe(false);
  return frame;
}

const MESSAGE = fc.record({
  path: U48,
  session: fc.integer({ min: 0, max: 0xffff_ffff }),
  run: fc.integer({ min: 0, max: 0xffff }),
  id: ID,
  flags: fc.integer({ min: 0, max: 255 }),
  to: KEY,
  from: text(128).map((one) => one as PeerId),
  payload: fc.uint8Array({ maxLength: 300 }),
});

function expectMessage(
  body: FieldReader,
  fields: Omit<Message, 'origin' | 'order' | 'pending' | 'entry' | 'trace'>,
): void {
  const { path, session, run, id, flags, to, from, payload } = fields;
  expect([body.u48(), body.u32(), body.u16(), body.u64(), body.u8()]).toEqual([path, session, run, id, flags]);
  expect([body.key(), body.peer()]).toEqual([to, from]);
  expect(Buffer.compare(body.rest(), payload)).toBe(0);
}

test('messages come out as they went in, with the number of their way', () => {
  fc.assert(
    fc.property(MESSAGE, U48, (fields, path) => {
      const { type, body } = onlyFrame(encodeMessage(message(fields), path));
      expect(type).toBe(NodeFrame.message);
      expectMessage(body, { ...fields, path });
    }),
  );
});

test('messages that are given back come with the way they came, and with the owner if there is one', () => {
  fc.assert(
    fc.property(MESSAGE, fc.option(fc.record({ node: NODE, epoch: EPOCH })), (fields, owner) => {
      const { type, body } = onlyFrame(encodeReturned(message(fields), owner));
      expect(type).toBe(NodeFrame.returned);
      expect([body.epoch(), body.node()]).toEqual([owner?.epoch ?? 0, owner?.node ?? '']);
      expectMessage(body, fields);
    }),
  );
});

test('control frames come out as they went in', () => {
  fc.assert(
    fc.property(KEY, EPOCH, U48, fc.boolean(), (key, epoch, n, on) => {
      const handover = onlyFrame(encodeHandover(key, epoch)).body;
      expect([handover.epoch(), handover.key(), handover.more]).toEqual([epoch, key, false]);
      const trace = { traceId: hex(16, n), spanId: hex(8, epoch) };
      const traced = onlyFrame(encodeTrace(trace));
      expect([traced.type, readTrace(traced.body), traced.body.more]).toEqual([NodeFrame.trace, trace, false]);
      const turn = onlyFrame(encodeTurn(key, epoch)).body;
      expect([turn.epoch(), turn.key(), turn.more]).toEqual([epoch, key, false]);
      const presence = onlyFrame(encodePresence({ key, online: on, at: n, epoch })).body;
      expect([presence.u8(), presence.u48(), presence.epoch(), presence.key()]).toEqual([on ? 1 : 0, n, epoch, key]);
      expect(onlyFrame(encodeEcho(n)).body.u48()).toBe(n);
    }),
  );
});

test('receipts are collected beyond their first room, and begin anew after they were taken', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(), ID, fc.integer({ min: 1, max: 255 })), { maxLength: 300 }), (all) => {
      const builder = new ReceiptsBuilder();
      builder.add(1, 1, 1);
      builder.take();
      for (const [session, id, status] of all) builder.add(session, id, status);
      expect(builder.count).toBe(all.length);
      const { body } = onlyFrame(builder.take());
      const read: unknown[] = [];
      while (body.more) read.push([body.u32(), body.u64(), body.u8()]);
      expect(read).toEqual(all);
      expect(builder.count).toBe(0);
    }),
  );
});

test('an envelope tells its sender, its first sequence and the last one read', () => {
  const frames = [{ bytes: encodeEmpty(NodeFrame.none) }, { bytes: encodeEmpty(NodeFrame.probe) }];
  const head = readEnvelope(encodeEnvelope(B, MAX_U48, 2 ** 40, frames));
  expect(head).toMatchObject({ version: 1, sender: B, first: MAX_U48, ack: 2 ** 40 });
  expect([head?.frames.frame().type, head?.frames.frame().type, head?.frames.more]).toEqual([
    0,
    NodeFrame.probe,
    false,
  ]);
});

test('a payload that was read does not keep the envelope in memory', () => {
  const envelope = encodeEnvelope(A, 1, 0, [{ bytes: encodeMessage(message({ payload: new Uint8Array(20_000) }), 1) }]);
  const body = readEnvelope(envelope)?.frames.frame().body as FieldReader;
  expect(body.rest().buffer).not.toBe(envelope.buffer);
});

test('another version, and bytes that are none of ours, are told from an envelope', () => {
  const envelope = encodeEnvelope(A, 1, 0, []);
  expect(readEnvelope(Buffer.concat([Buffer.of(2), envelope.subarray(1)]))).toBeNull();
  for (let length = 0; length < envelope.length; length += 1) {
    expect(readEnvelope(envelope.subarray(0, length))).toBeNull();
  }
});

test('a frame that ends too early throws RangeError, and nothing else', () => {
  const whole = encodeMessage(message(), 1);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: whole.length - 1 }), (length) => {
      const head = readEnvelope(encodeEnvelope(A, 1, 0, [{ bytes: whole.subarray(0, length) }]));
      expect(() => head?.frames.frame()).toThrow(RangeError);
    }),
  );
});
