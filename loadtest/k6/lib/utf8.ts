/** UTF-8 by what every runtime of JavaScript has: k6's has less than Node's. */

const ASCII = /^[\0-\x7f]*$/;
const ESCAPED_LENGTH = 3;

export function utf8(text: string): Uint8Array {
  if (ASCII.test(text)) return Uint8Array.from(Array.from(text, (char) => char.charCodeAt(0)));
  const escaped = encodeURIComponent(text);
  const bytes: number[] = [];
  for (let at = 0; at < escaped.length; at++) {
    if (escaped[at] !== '%') {
      bytes.push(escaped.charCodeAt(at));
      continue;
    }
    bytes.push(Number.parseInt(escaped.slice(at + 1, at + ESCAPED_LENGTH), 16));
    at += ESCAPED_LENGTH - 1;
  }
  return Uint8Array.from(bytes);
}

/** @throws Error where the bytes are no UTF-8 */
export function text(bytes: Uint8Array): string {
  const raw = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  if (ASCII.test(raw)) return raw;
  return decodeURIComponent(Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''));
}
