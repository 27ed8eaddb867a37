import type { NodeId } from '@causeway/protocol';
import { expect, test } from 'vitest';
import {
  type FieldReader,
  readEnvelope,
  readMessageFrame,
  readTrace,
} from '../../services/relay/src/core/node-frame-reader.ts';
import * as frames from '../../services/relay/src/core/node-frames.ts';
import { envelopeFixture } from '../fixtures/load.ts';
import { text } from './fixture.ts';

/** What release 0.1.0 wrote, and what came to it within version 1. */
const FIXTURES = ['envelope-v1', 'envelope-v1-trace'].map(envelopeFixture);
type FrameName = keyof typeof frames.NodeFrame;
const TRACE = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };

function messageFields(body: FieldReader): object {
  const [path, session, run] = [body.u48(), body.u32(), body.u16()];
  const [id, flags, to, from] = [String(body.u64()), body.u8(), body.key(), body.peer()];
  return { path, session, run, id, flags, to, from, payload: text(body.rest()) };
}

function receiptFields(body: FieldReader): object {
  const receipts: unknown[] = [];
  while (body.more) receipts.push([body.u32(), String(body.u64()), body.u8()]);
  return { receipts };
}

/** Reads the body of each frame that version 1 has, in the order of its fields. */
const FIELDS: Readonly<Record<FrameName, (body: FieldReader) => object>> = {
  none: () => ({}),
  message: messageFields,
  receipts: receiptFields,
  returned: (body) => ({ epoch: body.epoch(), node: body.node(), ...messageFields(body) }),
  handover: (body) => ({ epoch: body.epoch(), key: body.key() }),
  turn: (body) => ({ epoch: body.epoch(), key: body.key() }),
  presence: (body) => ({ online: body.u8() === 1, at: body.u48(), epoch: body.epoch(), key: body.key() }),
  probe: () => ({}),
  echo: (body) => ({ nonce: body.u48() }),
  trace: readTrace,
};

const ALL = FIXTURES.flatMap((fixture) => fixture.frames);

function written(type: FrameName): Buffer {
  const frame = ALL.find((one) => one.type === type);
  if (frame === undefined) throw new Error(`no fixture has a frame ${type}`);
  return Buffer.from(frame.hex, 'hex');
}

test.each(FIXTURES)('an envelope of version 1 is read, with all its frames', (fixture) => {
  const head = readEnvelope(Buffer.from(fixture.hex, 'hex'));
  if (head === null) throw new Error('not read');
  const { sender, first, ack } = fixture;
  expect(head).toMatchObject({ version: 1, sender, first, ack });
  for (const { type, fields } of fixture.frames) {
    const frame = head.frames.frame();
    expect([frame.type, FIELDS[type](frame.body), frame.body.more]).toEqual([frames.NodeFrame[type], fields, false]);
  }
  expect(head.frames.more).toBe(false);
});

test.each(FIXTURES)('as long as version 1 is written, the bytes of an envelope stay as they were', (fixture) => {
  expect(frames.ENVELOPE_VERSION).toBe(1);
  const { sender, first, ack } = fixture;
  const bytes = fixture.frames.map(({ hex }) => ({ bytes: Buffer.from(hex, 'hex') }));
  expect(frames.encodeEnvelope(sender, first, ack, bytes).toString('hex')).toBe(fixture.hex);
});

test('as long as version 1 is written, the bytes of its frames stay as they were', () => {
  const message = readMessageFrame(written('message'), 'node-a' as NodeId);
  if (message === null) throw new Error('not read');
  expect(frames.encodeMessage(message, message.path)).toEqual(written('message'));
  for (const type of ['none', 'probe'] as const) {
    expect(frames.encodeEmpty(frames.NodeFrame[type])).toEqual(written(type));
  }
  expect(frames.encodeTrace(TRACE)).toEqual(written('trace'));
});

test('the fixtures have every frame that there is', () => {
  expect(new Set(ALL.map(({ type }) => type))).toEqual(new Set(Object.keys(frames.NodeFrame)));
});
