const encoder = new TextEncoder();
// A byte order mark is kept: without it two different ids would read alike.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Below this many bytes a loop over ASCII beats the call into TextDecoder. */
const SHORT_BYTES = 48;

export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Reads bytes[from, to) as UTF-8. Null if it is not: no replacement characters, no exceptions. */
export function decodeUtf8(bytes: Uint8Array, from: number, to: number): string | null {
  if (to - from <= SHORT_BYTES) {
    const text = decodeAscii(bytes, from, to);
    if (text !== null) return text;
  }
  try {
    return decoder.decode(bytes.subarray(from, to));
  } catch {
    return null;
  }
}

function decodeAscii(bytes: Uint8Array, from: number, to: number): string | null {
  let text = '';
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    if (byte > 0x7f) return null;
    text += String.fromCharCode(byte);
  }
  return text;
}

/** Bytes of well-formed `text` in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 || isSurrogate(unit) ? 1 : 2;
  }
  return bytes;
}

// A pair of surrogates is 2 units and 4 bytes, so each counts 1 more.
function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

/** A surrogate without its other half: with the flag `u`, pairs match as one character and not as these. */
const LONE_SURROGATE = /[\ud800-\udfff]/u;

export function hasLoneSurrogate(text: string): boolean {
  return LONE_SURROGATE.test(text);
}
