import { deepStrictEqual, ok } from 'node:assert/strict';
import { encodeFrame, encodeText, type Frame, FrameOrigin, FrameType, type NodeId } from '@causeway/protocol';
import { encode, rfc8949EncodeOptions } from 'cborg';
import fc from 'fast-check';
import { CONTROL_SHAPES } from '../../packages/protocol/src/control.ts';
import { idArbitrary, peerArbitrary } from '../../packages/protocol/test/arbitraries.ts';
import { type Decoded, decodePacket, decodeText, type Side } from '../../packages/protocol/test/decoding.ts';
import type { PeerKey } from '../../services/relay/src/core/address.ts';
import { Counters } from '../../services/relay/src/core/counters.ts';
import type { Message } from '../../services/relay/src/core/message.ts';
import {
  type FieldReader,
  readEnvelope,
  readMessage,
  readTrace,
} from '../../services/relay/src/core/node-frame-reader.ts';
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
} from '../../services/relay/src/core/node-frames.ts';
import { Arrivals } from '../../services/relay/src/core/tunnels/arrivals.ts';
import * as tunnels from '../../services/relay/src/core/tunnels/frames.ts';
import type { TunnelEnd } from '../../services/relay/src/core/tunnels/tunnel-end.ts';
import { keptLog } from '../simulation/core-kit.ts';
import { changedBytes, packetInputs, textInputs } from './inputs.ts';

export interface Codec<Input = unknown> {
  readonly name: string;
  readonly inputs: fc.Arbitrary<Input>;
  /** Throws where the input brings out a defect. */
  readonly check: (input: Input) => void;
}

/** What every result has to hold, for input of any origin. */
function needSound(from: Side, { frames, failures }: Decoded): void {
  if (from === 'client') ok(failures.length <= 1, 'more than one failure of a client');
  for (const { reason } of failures) ok(reason !== '', 'a failure without a reason');
  for (const { type } of frames) ok([from, 'both'].includes(FrameOrigin[type]), `${type} from a ${from}`);
}

/** What was understood must mean the same when it is said again. */
function needSame(frame: Frame, again: Decoded): void {
  deepStrictEqual(again, { frames: [frame], failures: [] });
}

function isInvalidSend(frame: Frame): boolean {
  return frame.type === 'send' && (frame.to === null || frame.id === null);
}

function checkPacket(from: Side, packet: Uint8Array): void {
  const decoded = decodePacket(from, packet);
  needSound(from, decoded);
  for (const frame of decoded.frames)
    if (!isInvalidSend(frame)) needSame(frame, decodePacket(from, encodeFrame(frame)));
}

function checkText(from: Side, text: string): void {
  const decoded = decodeText(from, text);
  needSound(from, decoded);
  for (const frame of decoded.frames) {
    if (!isInvalidSend(frame)) needSame(frame, decodeText(from, encodeText(frame)[0] as string));
  }
}

const CONTROLS = Object.keys(CONTROL_SHAPES) as (keyof typeof CONTROL_SHAPES)[];
const FIELDS = [...new Set(CONTROLS.flatMap((name) => Object.keys(CONTROL_SHAPES[name])))];
const { value: cborValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(
      fc.maxSafeInteger(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.uint8Array({ maxLength: 70 }),
      fc.constantFrom(null, true, false, 1.5, 'none', 'default', 'bob'),
    ),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...FIELDS), tie('value'), { maxKeys: 4 }),
  ),
}));
/** A control frame around a map of known keys with whatever values, or around one that is damaged. */
const controlPackets = fc
  .tuple(
    fc.constantFrom(...CONTROLS),
    changedBytes(
      fc
        .dictionary(fc.constantFrom(...FIELDS), cborValue, { maxKeys: 6 })
        .map((map) => encode(map, rfc8949EncodeOptions)),
    ),
  )
  .map(([name, body]) => Uint8Array.from([FrameType[name], 0, body.length >> 8, body.length & 0xff, ...body]));

const node = fc.stringMatching(/^[a-z0-9]{1,16}$/) as fc.Arbitrary<NodeId>;
const key = peerArbitrary.map((peer) => `default/${peer}` as PeerKey);
const u48 = fc.nat(2 ** 48 - 1);
const hex = (digits: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${digits}}$`));
const epoch = fc.maxSafeNat();
const message = fc
  .record({
    id: idArbitrary,
    flags: fc.nat(255),
    from: peerArbitrary,
    to: key,
    payload: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    session: fc.nat(0xffffffff),
    run: fc.nat(0xffff),
    path: u48,
  })
  .map((fields): Message => ({ ...fields, origin: 'n' as NodeId, order: 0, pending: null, entry: null, trace: null }));
const receipts = fc
  .array(fc.tuple(fc.nat(0xffffffff), idArbitrary, fc.nat(255)), { minLength: 1, maxLength: 100 })
  .map((list) => {
    const builder = new ReceiptsBuilder();
    for (const one of list) builder.add(...one);
    return builder.take();
  });
const nodeFrame: fc.Arbitrary<Buffer> = fc.oneof(
  message.map((one) => encodeMessage(one, one.path)),
  receipts,
  fc.tuple(message, node, epoch).map(([one, owner, at]) => encodeReturned(one, { node: owner, epoch: at })),
  fc.tuple(key, epoch).map((args) => encodeHandover(...args)),
  fc.tuple(key, epoch).map((args) => encodeTurn(...args)),
  fc.record({ key, online: fc.boolean(), at: u48, epoch }).map(encodePresence),
  u48.map(encodeEcho),
  hex(32).chain((traceId) => hex(16).map((spanId) => encodeTrace({ traceId, spanId }))),
  fc.constantFrom(encodeEmpty(NodeFrame.none), encodeEmpty(NodeFrame.probe)),
);
const envelopes = fc.tuple(node, u48, u48, fc.array(nodeFrame, { maxLength: 4 })).map(([sender, first, ack, frames]) =>
  encodeEnvelope(
    sender,
    first,
    ack,
    frames.map((bytes) => ({ bytes })),
  ),
);

/** Reads as the reader of an inbox does. */
function readNodeFrame(type: number, body: FieldReader): void {
  switch (type) {
    case NodeFrame.message:
      readMessage(body, 'n' as NodeId, 0, null);
      return;
    case NodeFrame.receipts:
      while (body.more) [body.u32(), body.u64(), body.u8()];
      return;
    case NodeFrame.returned:
      [body.epoch(), body.node(), readMessage(body, 'n' as NodeId, 0, null)];
      return;
    case NodeFrame.handover:
    case NodeFrame.turn:
      [body.epoch(), body.key()];
      return;
    case NodeFrame.presence:
      [body.u8(), body.u48(), body.epoch(), body.key()];
      return;
    case NodeFrame.echo:
      body.u48();
      return;
    case NodeFrame.trace:
      readTrace(body);
  }
}

/** What ends in the middle of a field is a RangeError, which an inbox's reader takes for a malformed entry. */
function checkEnvelope(bytes: Uint8Array): void {
  const head = readEnvelope(bytes);
  if (head === null) return;
  try {
    while (head.frames.more) {
      const { type, body } = head.frames.frame();
      readNodeFrame(type, body);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
}

function checkWhole(bytes: Uint8Array): void {
  const head = readEnvelope(bytes);
  ok(head !== null, 'an envelope of ours is not read');
  while (head.frames.more) {
    const { type, body } = head.frames.frame();
    readNodeFrame(type, body);
    ok(!body.more, `bytes are left of a frame of type ${type}`);
  }
}

const reason = fc.string({ unit: 'binary', maxLength: 40 });
const tunnelFrame: fc.Arbitrary<Buffer> = fc.oneof(
  fc
    .record({
      kind: fc.constantFrom('peer', 'room'),
      ref: u48,
      from: peerArbitrary,
      to: key,
      meta: fc.uint8Array({ maxLength: 40 }),
    })
    .chain((call) => u48.map((caller) => tunnels.encodeCall(caller, call))),
  fc.tuple(u48, u48).map((args) => tunnels.encodeAccepted(...args)),
  fc
    .tuple(u48, fc.constantFrom('offline', 'declined', 'full', 'unavailable'), reason)
    .map((args) => tunnels.encodeRefused(...args)),
  u48.map(tunnels.encodeWithdrawn),
  fc
    .tuple(u48, fc.uint8Array({ maxLength: 60 }))
    .map(([to, bytes]) => Buffer.concat([tunnels.encodeDataHead(to, bytes.length), bytes])),
  fc.tuple(u48, u48).map((args) => tunnels.encodeCredit(...args)),
  u48.map(tunnels.encodeEnd),
  fc.tuple(u48, reason).map((args) => tunnels.encodeClose(...args)),
);
const tunnelEnvelopes = fc
  .tuple(node, u48, u48, fc.array(tunnelFrame, { maxLength: 4 }))
  .map(([sender, run, settled, frames]) => {
    const place = { run, sequence: Math.min(settled + 1, 2 ** 48 - 1), settled };
    return Buffer.concat([tunnels.encodeHead(sender, place), ...frames]);
  });

/** What ends of tunnels are told: each frame of one envelope as a line. */
function tunnelLines(envelope: Uint8Array): string[] {
  const lines: string[] = [];
  const counters = new Counters();
  const tell = (line: unknown[]): void => void lines.push(JSON.stringify(line));
  const end = (number: number) => ({
    data: (bytes: Uint8Array) => tell(['data', number, ...bytes]),
    credit: (bytes: number) => tell(['credit', number, bytes]),
    end: () => tell(['end', number]),
    close: (why: string) => tell(['close', number, why]),
  });
  new Arrivals({
    ...{ counters, log: keptLog(), end: end as unknown as (number: number) => TunnelEnd },
    onCall: (from, caller, call) => tell(['call', from, caller, call]),
    onAccepted: (...args) => tell(['accepted', ...args]),
    onRefused: (...args) => tell(['refused', ...args]),
    onWithdrawn: (...args) => tell(['withdrawn', ...args]),
    onLost: () => tell(['lost']),
  }).take(envelope);
  ok(counters.drops.unreadable_entry <= 1, 'more than one complaint about one envelope');
  return lines;
}

/** One codec of any input, under a type that a list can have. */
function codec<Input>(name: string, inputs: fc.Arbitrary<Input>, check: (input: Input) => void): Codec {
  return { name, inputs, check: check as (input: unknown) => void };
}

export const CODECS: readonly Codec[] = [
  codec('packets of clients', packetInputs, (packet) => checkPacket('client', packet)),
  codec('packets of relays', packetInputs, (packet) => checkPacket('relay', packet)),
  codec('texts of clients', textInputs, (text) => checkText('client', text)),
  codec('texts of relays', textInputs, (text) => checkText('relay', text)),
  codec('control frames', controlPackets, (packet) => {
    checkPacket('client', packet);
    checkPacket('relay', packet);
  }),
  codec('envelopes of nodes', fc.tuple(envelopes, changedBytes(envelopes)), ([whole, changed]) => {
    checkWhole(whole);
    checkEnvelope(changed);
  }),
  codec(
    'envelopes of tunnels',
    fc.tuple(fc.array(tunnelFrame, { maxLength: 4 }), tunnelEnvelopes, changedBytes(tunnelEnvelopes)),
    ([frames, whole, changed]) => {
      const ours = tunnelLines(
        Buffer.concat([tunnels.encodeHead('n' as NodeId, { run: 1, sequence: 1, settled: 0 }), ...frames]),
      );
      deepStrictEqual(ours.length, frames.length);
      ok(!tunnelLines(whole).includes('["lost"]'), 'an envelope of ours is malformed');
      tunnelLines(changed);
    },
  ),
];
