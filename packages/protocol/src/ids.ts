import { MAX_PEER_ID_BYTES } from './limits.ts';

/** A tenant's name: 1 to 64 characters of `a-z 0-9 . _ -`. */
export type RealmName = string & { readonly __brand: 'RealmName' };

/** A peer's address in its realm: 1 to 128 bytes of UTF-8 without control characters. */
export type PeerId = string & { readonly __brand: 'PeerId' };

/** One relay process, named anew at each start. */
export type NodeId = string & { readonly __brand: 'NodeId' };

/**
 * An unsigned 64-bit number that names one message of a sender. It is a number where it is a safe integer and a bigint
 * otherwise: one form for each value, so that it can be the key of a Map.
 */
export type MessageId = number | bigint;

const REALM_NAME = /^[a-z0-9._-]{1,64}$/;
const DECIMAL = /^(?:0|[1-9][0-9]{0,19})$/;
const MAX_U64 = 2n ** 64n - 1n;
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** The realm of a HELLO that names none. */
export const DEFAULT_REALM = 'default' as RealmName;

export function asRealm(text: string): RealmName | null {
  return REALM_NAME.test(text) ? (text as RealmName) : null;
}

/** Null unless `text` is 1 to 128 bytes of UTF-8 without control characters (U+0000-1F, U+7F-9F) and lone surrogates. */
export function asPeerId(text: string): PeerId | null {
  const units = text.length;
  if (units === 0 || units > MAX_PEER_ID_BYTES) return null;
  let bytes = units;
  for (let i = 0; i < units; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || (unit >= 0x7f && unit <= 0x9f)) return null;
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      bytes += 1;
    } else if (unit < 0xd800 || unit > 0xdfff) {
      bytes += 2;
    } else {
      const low = text.charCodeAt(i + 1);
      // NaN at the end of the text fails both comparisons, as it should.
      if (unit > 0xdbff || !(low >= 0xdc00 && low <= 0xdfff)) return null;
      bytes += 2;
      i += 1;
    }
  }
  return bytes <= MAX_PEER_ID_BYTES ? (text as PeerId) : null;
}

/**
 * The canonical form of an id.
 * @throws RangeError for a value outside 0 to 2^64 - 1.
 */
export function messageId(value: bigint): MessageId {
  if (value < 0n || value > MAX_U64) throw new RangeError(`message id ${value} is not an unsigned 64-bit number`);
  return value <= MAX_SAFE ? Number(value) : value;
}

/** Reads the decimal form of an id. Null for signs, leading zeros, other characters and values of 2^64 and above. */
export function parseMessageId(decimal: string): MessageId | null {
  if (!DECIMAL.test(decimal)) return null;
  const value = BigInt(decimal);
  return value > MAX_U64 ? null : messageId(value);
}
