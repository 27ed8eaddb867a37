import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { FRAME_ARBITRARIES } from '../test/arbitraries.ts';
import { type Decoded, decodePacket, decodeText, type Side } from '../test/decoding.ts';
import { encodeFrame, encodeText, FRAME_TYPE_NAMES, FrameOrigin, type FrameTypeName } from './index.ts';

// One seed for all, so that a failure repeats; fast-check prints the seed and the path of the counterexample.
const RUNS = { numRuns: 2000, seed: 20260101 };
// Thousands of runs may take longer than the default on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

function sidesOf(name: FrameTypeName): Side[] {
  const origin = FrameOrigin[name];
  return origin === 'both' ? ['client', 'relay'] : [origin];
}

const anyFrame = fc.oneof(...Object.values(FRAME_ARBITRARIES));

/** Holds what every result has to hold, for bytes of any origin. */
function expectSound(from: Side, { frames, failures }: Decoded): void {
  if (from === 'client') expect(failures.length).toBeLessThanOrEqual(1);
  for (const failure of failures) expect(failure.reason).not.toBe('');
  for (const frame of frames) expect([from, 'both']).toContain(FrameOrigin[frame.type]);
}

describe.each(FRAME_TYPE_NAMES)('%s', (name) => {
  test('round trip, binary', () => {
    fc.assert(
      fc.property(FRAME_ARBITRARIES[name], (frame) => {
        const packet = encodeFrame(frame);
        for (const side of sidesOf(name)) {
          expect(decodePacket(side, packet)).toEqual({ frames: [frame], failures: [] });
        }
      }),
      RUNS,
    );
  });

  test('round trip, JSON', () => {
    fc.assert(
      fc.property(FRAME_ARBITRARIES[name], (frame) => {
        const parts = frame.type === 'receipt' ? frame.receipts.map((one) => ({ ...frame, receipts: [one] })) : [frame];
        for (const side of sidesOf(name)) {
          const decoded = encodeText(frame).map((text) => decodeText(side, text));
          expect(decoded).toEqual(parts.map((part) => ({ frames: [part], failures: [] })));
        }
      }),
      RUNS,
    );
  });
});

describe.each(['client', 'relay'] as const)('input from a %s never throws', (side) => {
  test('arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (packet) => expectSound(side, decodePacket(side, packet))),
      RUNS,
    );
  });

  test('arbitrary bodies of every type', () => {
    fc.assert(
      fc.property(fc.nat(0x2f), fc.uint8Array({ maxLength: 200 }), (type, body) => {
        const packet = Uint8Array.from([type, 0, 0, body.length, ...body]);
        expectSound(side, decodePacket(side, packet));
      }),
      RUNS,
    );
  });

  test('valid packets with bytes changed, cut off or put in', () => {
    const change = fc.record({ at: fc.nat(), byte: fc.nat(255), how: fc.constantFrom('set', 'cut', 'insert') });
    fc.assert(
      fc.property(
        fc.array(anyFrame, { minLength: 1, maxLength: 3 }),
        fc.array(change, { maxLength: 4 }),
        (frames, changes) => {
          const packet = frames.flatMap((frame) => [...encodeFrame(frame)]);
          for (const { at, byte, how } of changes) {
            const index = at % (packet.length + 1);
            if (how === 'cut') packet.length = index;
            else packet.splice(index, how === 'set' ? 1 : 0, byte);
          }
          expectSound(side, decodePacket(side, Uint8Array.from(packet)));
        },
      ),
      RUNS,
    );
  });

  test('arbitrary text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) =>
        expectSound(side, decodeText(side, text)),
      ),
      RUNS,
    );
  });

  test('objects of every type with arbitrary fields', () => {
    const keys = [
      'id',
      'to',
      'payload',
      'text',
      'flags',
      'seq',
      'peer',
      'peers',
      'auth',
      'ref',
      'bytes',
      'status',
      'v',
    ];
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom('1', 'bob', 'aGk=', 1, -0, 'queued', []));
    const fields = fc.dictionary(fc.constantFrom(...keys), value);
    fc.assert(
      fc.property(fc.constantFrom(...FRAME_TYPE_NAMES), fields, (type, object) =>
        expectSound(side, decodeText(side, JSON.stringify({ ...object, type }))),
      ),
      RUNS,
    );
  });

  test('valid text with characters changed, cut off or put in', () => {
    const change = fc.record({ at: fc.nat(), unit: fc.nat(0xffff), how: fc.constantFrom('set', 'cut', 'insert') });
    fc.assert(
      fc.property(anyFrame, fc.array(change, { minLength: 1, maxLength: 4 }), (frame, changes) => {
        let text = encodeText(frame)[0] as string;
        for (const { at, unit, how } of changes) {
          const index = at % (text.length + 1);
          const rest = how === 'cut' ? '' : text.slice(how === 'set' ? index + 1 : index);
          text = text.slice(0, index) + (how === 'cut' ? '' : String.fromCharCode(unit)) + rest;
        }
        expectSound(side, decodeText(side, text));
      }),
      RUNS,
    );
  });
});

test('what decodes out of changed bytes means the same after another round', () => {
  fc.assert(
    fc.property(anyFrame, fc.nat(), fc.nat(255), (frame, at, byte) => {
      const packet = encodeFrame(frame);
      packet[at % packet.length] = byte;
      for (const side of ['client', 'relay'] as const) {
        for (const read of decodePacket(side, packet).frames) {
          if (read.type === 'send' && read.to === null) continue;
          expect(decodePacket(side, encodeFrame(read))).toEqual({ frames: [read], failures: [] });
        }
      }
    }),
    RUNS,
  );
});
