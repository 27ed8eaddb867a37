/** Spreads neighbours over all 32-bit words (the golden ratio's fraction). */
const STEP = 0x9e3779b1;
const WORD_BYTES = 4;

/**
 * The bytes from `position` on of an endless stream that the seed names. Every aligned word of 16 GiB is another one: so
 * bytes that are lost, repeated or out of order, or that belong to another stream, do not look right.
 */
export function streamBytes(seed: number, position: number, length: number): Buffer {
  const first = Math.floor(position / WORD_BYTES);
  const last = Math.ceil((position + length) / WORD_BYTES);
  const words = new Uint32Array(last - first);
  const mask = Math.imul(seed + 1, 0x85ebca6b);
  for (let index = 0; index < words.length; index += 1) words[index] = Math.imul(first + index, STEP) ^ mask;
  return Buffer.from(words.buffer, position - first * WORD_BYTES, length);
}
