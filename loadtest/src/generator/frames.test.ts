import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientFrame, FrameParser, Opcode } from './frames.ts';

/** A frame as a server sends it: the same without the mask. */
function serverFrame(opcode: number, payload: Uint8Array): Buffer {
  const masked = clientFrame(opcode, payload);
  const header = masked.subarray(0, masked.length - payload.length - 4);
  header[1] = (header[1] as number) & 0x7f;
  return Buffer.concat([header, payload]);
}

function parse(chunks: Iterable<Buffer>): { opcode: number; payload: string }[] {
  const frames: { opcode: number; payload: string }[] = [];
  const parser = new FrameParser((opcode, buffer, start, end) => {
    frames.push({ opcode, payload: buffer.toString('hex', start, end) });
  });
  for (const chunk of chunks) parser.push(chunk);
  return frames;
}

describe('clientFrame', () => {
  it.each([
    [0, '828000000000'],
    [125, '82fd00000000'],
    [126, '82fe007e00000000'],
    [65535, '82feffff00000000'],
    [65536, '82ff000000000001000000000000'],
  ])('writes the header for %i bytes', (length, header) => {
    const frame = clientFrame(Opcode.binary, Buffer.alloc(length));
    expect(frame.toString('hex', 0, header.length / 2)).toBe(header);
    expect(frame.length).toBe(header.length / 2 + length);
  });
});

describe('FrameParser', () => {
  it.each([
    ['short', { minLength: 0, maxLength: 200 }, { min: 1, max: 50 }],
    ['long', { minLength: 65_530, maxLength: 65_540 }, { min: 10_000, max: 70_000 }],
  ])(
    'gives the same %s frames wherever the stream is cut',
    (_what, lengths, cutLengths) => {
      const payloads = fc.array(fc.uint8Array(lengths), { maxLength: 6 });
      const cuts = fc.array(fc.integer(cutLengths), { minLength: 1, maxLength: 10 });
      const property = fc.property(payloads, cuts, (sent, cutAt) => {
        const stream = Buffer.concat(sent.map((bytes) => serverFrame(Opcode.binary, bytes)));
        const chunks: Buffer[] = [];
        for (let at = 0; at < stream.length; ) {
          const next = at + (cutAt[chunks.length % cutAt.length] as number);
          chunks.push(Buffer.from(stream.subarray(at, next)));
          at = next;
        }
        expect(parse(chunks)).toEqual(
          sent.map((bytes) => ({ opcode: 2, payload: Buffer.from(bytes).toString('hex') })),
        );
      });
      fc.assert(property, { numRuns: 100 });
    },
    60_000,
  );

  it('keeps an incomplete frame when the chunk it came in is overwritten', () => {
    const stream = serverFrame(Opcode.text, Buffer.from('hello'));
    const shared = Buffer.alloc(4);
    function* chunks() {
      for (let at = 0; at < stream.length; at += shared.length) {
        yield shared.subarray(0, stream.copy(shared, 0, at, at + shared.length));
      }
    }
    expect(parse(chunks())).toEqual([{ opcode: 1, payload: Buffer.from('hello').toString('hex') }]);
  });

  it.each([
    ['masked', '828000000000'],
    ['fragmented', '0200'],
    ['a continuation', '8000'],
    ['compressed', 'c200'],
  ])('refuses a frame that is %s', (_what, bytes) => {
    expect(() => parse([Buffer.from(bytes, 'hex')])).toThrow(/unexpected WebSocket frame/);
  });
});
