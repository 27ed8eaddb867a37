import { bytesToNumberLE } from '@noble/curves/utils.js';
import { hexToBytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from 'vitest';
import vectors from '../../test/vectors/cpace.json' with { type: 'json' };
import {
  calculateGenerator,
  confirmationTag,
  generatorString,
  intermediateKey,
  sampleScalar,
  scalarMult,
  scalarMultVerify,
  TAG_BYTES,
} from './cpace.ts';

const hex = (bytes: Uint8Array | null): string | null => bytes && Buffer.from(bytes).toString('hex');
const [secret, context, sessionId] = [vectors.PRS, vectors.CI, vectors.sid].map(hexToBytes) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const ya = bytesToNumberLE(hexToBytes(vectors.ya));
const yb = bytesToNumberLE(hexToBytes(vectors.yb));
const initiator = { point: hexToBytes(vectors.Ya), data: hexToBytes(vectors.ADa) };
const responder = { point: hexToBytes(vectors.Yb), data: hexToBytes(vectors.ADb) };

describe('CPACE-RISTR255-SHA512, by the vectors of the draft', () => {
  it('computes the generator', () => {
    expect(hex(generatorString(secret, context, sessionId))).toBe(vectors.generatorString);
    expect(hex(calculateGenerator(secret, context, sessionId).toBytes())).toBe(vectors.g);
  });

  it('computes the shares and the secret point at both ends', () => {
    const g = calculateGenerator(secret, context, sessionId);
    expect([hex(scalarMult(ya, g)), hex(scalarMult(yb, g))]).toEqual([vectors.Ya, vectors.Yb]);
    expect(hex(scalarMultVerify(ya, responder.point))).toBe(vectors.K);
    expect(hex(scalarMultVerify(yb, initiator.point))).toBe(vectors.K);
  });

  it('computes the intermediate session key', () => {
    expect(hex(intermediateKey(sessionId, hexToBytes(vectors.K), initiator, responder))).toBe(vectors.ISK_IR);
  });

  it('multiplies what is a valid element, and aborts for what is none or the neutral one', () => {
    const { s, X, result } = vectors.scalarMult;
    const scalar = bytesToNumberLE(hexToBytes(s));
    expect(hex(scalarMultVerify(scalar, hexToBytes(X)))).toBe(result);
    expect(vectors.invalid.map((point) => scalarMultVerify(scalar, hexToBytes(point)))).toEqual([null, null]);
    expect(scalarMultVerify(scalar, new Uint8Array(31))).toBe(null);
  });
});

describe('what the draft leaves to the implementation', () => {
  it('pads a secret of any length, and takes one longer than a block', () => {
    const lengths = [1, 20, 107, 108, 109, 300].map(
      (n) => generatorString(new Uint8Array(n), context, sessionId).length,
    );
    expect(lengths).toEqual([170, 170, 170, 170, 171, 363]);
  });

  it('draws scalars of up to 252 bits', () => {
    const drawn = Array.from({ length: 64 }, sampleScalar);
    expect(new Set(drawn).size).toBe(64);
    expect(drawn.every((scalar) => scalar > 0n && scalar < 2n ** 252n)).toBe(true);
    expect(drawn.some((scalar) => scalar >= 2n ** 250n)).toBe(true);
  });

  it('confirms the key of this session and of this sender', () => {
    const isk = hexToBytes(vectors.ISK_IR);
    const tag = confirmationTag(sessionId, isk, initiator);
    expect(tag.length).toBe(TAG_BYTES);
    expect(confirmationTag(sessionId, isk, responder)).not.toEqual(tag);
    expect(
      confirmationTag(
        sessionId.map((byte) => byte ^ 1),
        isk,
        initiator,
      ),
    ).not.toEqual(tag);
    expect(
      confirmationTag(
        sessionId,
        isk.map((byte) => byte ^ 1),
        initiator,
      ),
    ).not.toEqual(tag);
  });
});
