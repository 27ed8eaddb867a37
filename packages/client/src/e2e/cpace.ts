import { ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js';
import { bytesToNumberLE } from '@noble/curves/utils.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { concatBytes } from '@noble/hashes/utils.js';
import { lengthPrefixed, randomBytes, utf8 } from './bytes.ts';

/**
 * CPACE-RISTR255-SHA512 of draft-irtf-cfrg-cpace-21 in the setting with an initiator (A) and a responder (B), with the
 * key confirmation of its section 10.4. The names are those of the draft.
 */

export const SHARE_BYTES = 32;
export const TAG_BYTES = 64;

const DSI = utf8('CPaceRistretto255');
const DSI_ISK = utf8('CPaceRistretto255_ISK');
const MAC_LABEL = utf8('CPaceMac');
/** `s_in_bytes` of SHA-512. */
const BLOCK_BYTES = 128;
/** Clears what is above the 252 bits of `group_size_bits` in the last byte, so that every value is below the order. */
const TOP_BYTE_MASK = 0x0f;

type Point = InstanceType<typeof ristretto255.Point>;

/** What one end sends: its share `Y` and its associated data `AD`. */
export interface Share {
  readonly point: Uint8Array;
  readonly data: Uint8Array;
}

/** The padding fills the first block of the hash, so that its time does not depend on the length of a short secret. */
export function generatorString(secret: Uint8Array, context: Uint8Array, sessionId: Uint8Array): Uint8Array {
  const used = lengthPrefixed(secret).length + lengthPrefixed(DSI).length + 1;
  const padding = new Uint8Array(Math.max(0, BLOCK_BYTES - used));
  return lengthPrefixed(DSI, secret, padding, context, sessionId);
}

export function calculateGenerator(secret: Uint8Array, context: Uint8Array, sessionId: Uint8Array): Point {
  const { deriveToCurve } = ristretto255_hasher;
  if (deriveToCurve === undefined) throw new TypeError('ristretto255 has no element derivation');
  return deriveToCurve(sha512(generatorString(secret, context, sessionId)));
}

export function sampleScalar(): bigint {
  for (;;) {
    const bytes = randomBytes(SHARE_BYTES);
    bytes[SHARE_BYTES - 1] = (bytes[SHARE_BYTES - 1] ?? 0) & TOP_BYTE_MASK;
    const scalar = bytesToNumberLE(bytes);
    bytes.fill(0);
    if (scalar !== 0n) return scalar;
  }
}

export function scalarMult(scalar: bigint, point: Point): Uint8Array {
  return point.multiply(scalar).toBytes();
}

/** `scalar_mult_vfy`; null stands for G.I: what came is no element of the group, or the neutral one. Then abort. */
export function scalarMultVerify(scalar: bigint, encoded: Uint8Array): Uint8Array | null {
  const point = decode(encoded);
  if (point === null || point.is0()) return null;
  return scalarMult(scalar, point);
}

function decode(encoded: Uint8Array): Point | null {
  try {
    return ristretto255.Point.fromBytes(encoded);
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}

/** ISK: 64 bytes, the same at both ends exactly if secret, context, session id and both shares are. */
export function intermediateKey(sessionId: Uint8Array, k: Uint8Array, initiator: Share, responder: Share): Uint8Array {
  const transcript = [initiator, responder].map(({ point, data }) => lengthPrefixed(point, data));
  return sha512(concatBytes(lengthPrefixed(DSI_ISK, sessionId, k), ...transcript));
}

/** What proves to the other end that `sender`, who sent this share, has the key. */
export function confirmationTag(sessionId: Uint8Array, isk: Uint8Array, sender: Share): Uint8Array {
  const key = sha512(concatBytes(MAC_LABEL, sessionId, isk));
  return hmac(sha512, key, lengthPrefixed(sender.point, sender.data));
}
