/** The part of CBOR that control frames use (PROTOCOL.md, section 2): whole numbers, bytes, text, lists, maps, booleans. */
import { text, utf8 } from './utf8.ts';

export type Value = number | boolean | string | Uint8Array | readonly Value[] | CborMap;
export interface CborMap {
  readonly [key: string]: Value;
}

const Major = { uint: 0, bytes: 2, text: 3, list: 4, map: 5, simple: 7 } as const;
const FALSE = 20;
const TRUE = 21;
/** Additional information that says how many bytes of length follow: 1, 2, 4 or 8. */
const FIRST_WIDTH = 24;
const LAST_WIDTH = 27;
const UINT32 = 2 ** 32;

function head(major: number, length: number): number[] {
  const type = major << 5;
  if (length < FIRST_WIDTH) return [type | length];
  const width = length < 0x100 ? 0 : length < 0x10000 ? 1 : length < UINT32 ? 2 : 3;
  const bytes: number[] = [];
  for (let rest = length, left = 2 ** width; left > 0; left--, rest = Math.floor(rest / 0x100)) {
    bytes.unshift(rest % 0x100);
  }
  return [type | (FIRST_WIDTH + width), ...bytes];
}

/** Keys in the order of their encoding: the shorter first, then by their bytes. */
function byEncoding(one: string, other: string): number {
  return one.length - other.length || (one < other ? -1 : 1);
}

function encode(value: Value): number[] {
  if (typeof value === 'number') return head(Major.uint, value);
  if (typeof value === 'boolean') return [(Major.simple << 5) | (value ? TRUE : FALSE)];
  if (typeof value === 'string') {
    const bytes = utf8(value);
    return [...head(Major.text, bytes.length), ...bytes];
  }
  if (value instanceof Uint8Array) return [...head(Major.bytes, value.length), ...value];
  if (Array.isArray(value)) return [...head(Major.list, value.length), ...value.flatMap(encode)];
  const fields = Object.entries(value as CborMap).sort(([one], [other]) => byEncoding(one, other));
  return [...head(Major.map, fields.length), ...fields.flatMap(([key, field]) => [...encode(key), ...encode(field)])];
}

/** One map in the deterministic encoding. Numbers are whole and not below 0; keys are ASCII. */
export function encodeMap(map: CborMap): Uint8Array {
  return Uint8Array.from(encode(map));
}

class Decoder {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  #take(count: number): Uint8Array {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw new Error('CBOR ends too early');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  #length(info: number): number {
    if (info < FIRST_WIDTH) return info;
    if (info > LAST_WIDTH) throw new Error('CBOR of an indefinite length');
    return this.#take(2 ** (info - FIRST_WIDTH)).reduce((sum, byte) => sum * 0x100 + byte, 0);
  }

  value(): Value {
    const [first] = this.#take(1) as unknown as [number];
    const [major, info] = [first >> 5, first & 0x1f];
    if (major === Major.simple) return this.#boolean(info);
    const length = this.#length(info);
    if (major === Major.uint) return length;
    if (major === Major.bytes) return this.#take(length).slice();
    if (major === Major.text) return text(this.#take(length));
    if (major === Major.list) return Array.from({ length }, () => this.value());
    if (major === Major.map) return Object.fromEntries(Array.from({ length }, () => [this.#key(), this.value()]));
    throw new Error(`CBOR of the major type ${major} does not occur`);
  }

  #boolean(info: number): boolean {
    if (info !== TRUE && info !== FALSE) throw new Error(`the simple value ${info} of CBOR does not occur`);
    return info === TRUE;
  }

  #key(): string {
    const key = this.value();
    if (typeof key !== 'string') throw new Error('a key in CBOR that is no text');
    return key;
  }
}

/** @throws Error for whatever is not one map that fills the bytes */
export function decodeMap(bytes: Uint8Array): CborMap {
  const decoder = new Decoder(bytes);
  const value = decoder.value();
  if (!decoder.isAtEnd) throw new Error('bytes behind the CBOR');
  if (typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array) {
    throw new Error('CBOR that is no map');
  }
  return value as CborMap;
}
