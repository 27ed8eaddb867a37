import { decode, encode, rfc8949EncodeOptions, type Token, Tokenizer, Type } from 'cborg';
import { MAX_CONTROL_BYTES } from './limits.ts';
import { Rejection } from './malformed.ts';
import { decodeUtf8 } from './utf8.ts';

const DECODE_OPTIONS = {
  allowIndefinite: false,
  allowUndefined: false,
  // An unknown field may hold any integer; a known one refuses what is not a safe number.
  allowBigInt: true,
  rejectDuplicateMapKeys: true,
  retainStringBytes: true,
};
const ENCODE_OPTIONS = { ...rfc8949EncodeOptions, ignoreUndefinedProperties: true };

/** Refuses floats, and reads text strictly where cborg would replace bad bytes and drop a byte order mark. */
class StrictTokenizer extends Tokenizer {
  override next(): Token {
    const token = super.next();
    if (token.type === Type.float) throw new Error('a float');
    if (token.type === Type.string && token.byteValue !== undefined) {
      const text = decodeUtf8(token.byteValue, 0, token.byteValue.length);
      if (text === null) throw new Error('a text that is not UTF-8');
      token.value = text;
    }
    return token;
  }
}

/**
 * Decodes one CBOR item that fills packet[from, to), at most MAX_CONTROL_BYTES: definite lengths, text keys without
 * duplicates, no floats, no tags. Byte strings of the result are copies.
 * @throws Rejection of kind `encoding`.
 */
export function decodeCbor(frame: string, packet: Uint8Array, from: number, to: number): unknown {
  if (to - from > MAX_CONTROL_BYTES) {
    throw new Rejection('encoding', `${frame} body is ${to - from} bytes, at most ${MAX_CONTROL_BYTES} are allowed`);
  }
  // A plain view, since slices of a Buffer would share its memory.
  const body = new Uint8Array(packet.buffer, packet.byteOffset + from, to - from);
  try {
    return decode(body, { ...DECODE_OPTIONS, tokenizer: new StrictTokenizer(body, DECODE_OPTIONS) });
  } catch (error) {
    throw new Rejection('encoding', `${frame} is not the CBOR it should be: ${(error as Error).message}`);
  }
}

/** Deterministic CBOR (RFC 8949, section 4.2.1). */
export function encodeCbor(value: unknown): Uint8Array {
  return encode(value, ENCODE_OPTIONS);
}
