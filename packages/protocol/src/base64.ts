/** Base64 of RFC 4648, section 4: standard alphabet, padded, in its one canonical form. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const PAD = 0x3d;
const NO_DIGIT = 0xff;

const CODES = Uint8Array.from(ALPHABET, (character) => character.charCodeAt(0));
const DIGITS = new Uint8Array(128).fill(NO_DIGIT);
CODES.forEach((code, digit) => {
  DIGITS[code] = digit;
});

const ascii = new TextDecoder();

export function encodeBase64(bytes: Uint8Array): string {
  const out = new Uint8Array(Math.ceil(bytes.length / 3) * 4).fill(PAD);
  let at = 0;
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group = ((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    out[at] = CODES[group >> 18] as number;
    out[at + 1] = CODES[(group >> 12) & 63] as number;
    if (left > 1) out[at + 2] = CODES[(group >> 6) & 63] as number;
    if (left > 2) out[at + 3] = CODES[group & 63] as number;
    at += 4;
  }
  return ascii.decode(out);
}

/** Null for other characters, missing or needless padding, and bits that are set behind the last byte. */
export function decodeBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0) return null;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const digits = text.length - padding;
  const out = new Uint8Array((text.length / 4) * 3 - padding);
  let group = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < digits; i++) {
    // Beyond the table for characters that are not ASCII.
    const digit = DIGITS[text.charCodeAt(i)] ?? NO_DIGIT;
    if (digit === NO_DIGIT) return null;
    group = (group << 6) | digit;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[at++] = group >> bits;
      group &= (1 << bits) - 1;
    }
  }
  return group === 0 ? out : null;
}
