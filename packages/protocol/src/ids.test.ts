import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asPeerId, asRealm, decodeUtf8, encodeUtf8, messageId, parseMessageId } from './index.ts';
import { utf8Length } from './utf8.ts';

const RUNS = { numRuns: 2000, seed: 20260102 };

describe('peer ids', () => {
  test.each(['a', 'ünïcode', '☃', '🚢', ' ', '\u00a0', '\u007e', '\ufeff', 'p'.repeat(128), '🚢'.repeat(32)])(
    '%j is one',
    (id) => {
      expect(asPeerId(id)).toBe(id);
    },
  );

  test.each([
    '',
    'p'.repeat(129),
    'é'.repeat(65),
    `${'🚢'.repeat(32)}a`,
    '\u0000',
    'a\u001f',
    '\u007f',
    '\u0080',
    '\u009fb',
    '\ud800',
    'a\udc00',
    '\ud800a',
    '\udc00\ud800',
    '\ud800\ud800\udc00',
  ])('%j is none', (id) => {
    expect(asPeerId(id)).toBeNull();
  });

  test('are exactly what the rule says', () => {
    const unit = fc.oneof(fc.nat(0xffff), fc.integer({ min: 0xd700, max: 0xe000 }), fc.nat(0xa0));
    const text = fc.array(unit, { maxLength: 140 }).map((units) => String.fromCharCode(...units));
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: 'binary', maxLength: 140 })), (candidate) => {
        const bytes = encodeUtf8(candidate).length;
        const valid = bytes >= 1 && bytes <= 128 && !/[\p{Cc}\p{Cs}]/u.test(candidate);
        expect(asPeerId(candidate)).toBe(valid ? candidate : null);
      }),
      RUNS,
    );
  });
});

test('realm names', () => {
  for (const name of ['a', 'default', '0', 'a.b_c-d', 'r'.repeat(64)]) expect(asRealm(name)).toBe(name);
  for (const name of ['', 'A', 'a/b', 'a b', 'é', 'a\n', 'r'.repeat(65)]) expect(asRealm(name)).toBeNull();
});

describe('message ids', () => {
  test('have one form for each value', () => {
    expect(messageId(2n ** 53n - 1n)).toBe(2 ** 53 - 1);
    expect(messageId(2n ** 53n)).toBe(2n ** 53n);
    expect(() => messageId(-1n)).toThrow(RangeError);
    expect(() => messageId(2n ** 64n)).toThrow(RangeError);
  });

  test('are read back from their decimal form', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        expect(parseMessageId(String(value))).toBe(messageId(value));
      }),
      RUNS,
    );
  });

  test.each(['', '-1', '+1', '01', '1.0', '1e3', '0x1', ' 1', '1\n', '18446744073709551616', '9'.repeat(5000)])(
    '%j is none',
    (text) => {
      expect(parseMessageId(text)).toBeNull();
    },
  );
});

describe('UTF-8', () => {
  test('is read back, at any length and place', () => {
    const text = fc.string({ unit: 'binary', maxLength: 100 });
    fc.assert(
      fc.property(text, fc.nat(5), (expected, offset) => {
        const bytes = encodeUtf8(expected);
        const padded = new Uint8Array(bytes.length + offset + 3).fill(0xff);
        padded.set(bytes, offset);
        expect(decodeUtf8(padded, offset, offset + bytes.length)).toBe(expected);
        expect(utf8Length(expected)).toBe(bytes.length);
      }),
      RUNS,
    );
  });

  test('agrees with a decoder that throws about what it is not', () => {
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), (bytes) => {
        const read = decodeUtf8(bytes, 0, bytes.length);
        if (read === null) expect(() => strict.decode(bytes)).toThrow();
        else expect(strict.decode(bytes)).toBe(read);
      }),
      RUNS,
    );
  });
});
