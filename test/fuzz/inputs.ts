import { readFileSync } from 'node:fs';
import { encodeFrame, encodeText } from '@causeway/protocol';
import fc from 'fast-check';
import { FRAME_ARBITRARIES } from '../../packages/protocol/test/arbitraries.ts';
import type { Side } from '../../packages/protocol/test/decoding.ts';
import { expand, fromHex, type Long } from '../../packages/protocol/test/meaning.ts';

interface Vector {
  readonly from: Side;
  readonly bytes?: Long;
  readonly text?: Long;
}

/** Longer vectors are about sizes; changing one of their bytes finds nothing new and takes long. */
const LONGEST_VECTOR = 2048;
const VECTORS = new URL('../../packages/protocol/vectors/v1.json', import.meta.url);
const { binary, json } = JSON.parse(readFileSync(VECTORS, 'utf8')) as Record<
  'binary' | 'json',
  { readonly valid: readonly Vector[]; readonly invalid: readonly Vector[] }
>;

const packets = [...binary.valid, ...binary.invalid]
  .map(({ bytes }) => fromHex(expand(bytes ?? '')))
  .filter(({ length }) => length <= LONGEST_VECTOR);
const texts = [...json.valid, ...json.invalid]
  .flatMap(({ text, bytes }) => (bytes === undefined ? [expand(text ?? '')] : []))
  .filter(({ length }) => length <= LONGEST_VECTOR);

const frame = fc.oneof(...Object.values(FRAME_ARBITRARIES));

interface Change {
  readonly how: 'set' | 'flip' | 'cut' | 'insert' | 'repeat';
  readonly at: number;
  readonly value: number;
}
const changes = fc.array(
  fc.record<Change>({
    how: fc.constantFrom('set', 'flip', 'cut', 'insert', 'repeat'),
    at: fc.nat(0xffff),
    value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xfe, 0xff), fc.nat(0xffff)),
  }),
  { maxLength: 5 },
);

/** `units` are bytes or UTF-16 units. */
function changed(units: readonly number[], list: readonly Change[], most: number): number[] {
  const result = [...units];
  for (const { how, at, value } of list) {
    const index = at % (result.length + 1);
    if (how === 'cut') result.length = index;
    else if (how === 'insert') result.splice(index, 0, value & most);
    else if (how === 'repeat') result.splice(index, 0, ...result.slice(index, index + (value % 64)));
    else if (index < result.length)
      result[index] = how === 'set' ? value & most : (result[index] as number) ^ (1 << (value % 8));
  }
  return result;
}

export function changedBytes(bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  return fc.tuple(bytes, changes).map(([one, list]) => Uint8Array.from(changed([...one], list, 0xff)));
}

/** A frame whose length is right, around whatever body. */
const framed = fc
  .tuple(fc.oneof(fc.nat(0x2f), fc.nat(255)), fc.uint8Array({ maxLength: 200 }))
  .map(([type, body]) => Uint8Array.from([type, 0, 0, body.length, ...body]));
const encoded = fc.array(frame, { minLength: 1, maxLength: 3 }).map((frames) => Buffer.concat(frames.map(encodeFrame)));

/** Packets from nonsense to nearly right. */
export const packetInputs: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.array(framed, { minLength: 1, maxLength: 3 }).map((frames) => Uint8Array.from(Buffer.concat(frames))),
  changedBytes(fc.constantFrom(...packets)),
  changedBytes(encoded),
);

const KEYS = [
  'type',
  'v',
  'realm',
  'peer',
  'peers',
  'auth',
  'resume',
  'id',
  'to',
  'payload',
  'text',
  'flags',
  'seq',
  'ref',
];
const objects = fc
  .tuple(
    fc.constantFrom(...Object.keys(FRAME_ARBITRARIES)),
    fc.dictionary(fc.constantFrom(...KEYS), fc.oneof(fc.jsonValue(), fc.constantFrom('1', 'bob', 'aGk=', 1, -0)), {
      maxKeys: 8,
    }),
  )
  .map(([type, fields]) => JSON.stringify({ type, ...fields }));

function changedText(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(text, changes).map(([one, list]) => {
    const units = Array.from({ length: one.length }, (_, index) => one.charCodeAt(index));
    return String.fromCharCode(...changed(units, list, 0xffff));
  });
}

/** Text messages from nonsense to nearly right. */
export const textInputs: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.json(),
  objects,
  changedText(fc.constantFrom(...texts)),
  changedText(frame.map((one) => encodeText(one)[0] as string)),
);
