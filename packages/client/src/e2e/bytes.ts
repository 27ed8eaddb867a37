import { concatBytes } from '@noble/hashes/utils.js';

/** Text that is bound into keys, as UTF-8. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function randomBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}

/** `lv_cat` of draft-irtf-cfrg-cpace: each part behind its length as LEB128, so that no two lists look the same. */
export function lengthPrefixed(...parts: readonly Uint8Array[]): Uint8Array {
  return concatBytes(...parts.flatMap((part) => [leb128(part.length), part]));
}

function leb128(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Uint8Array.from([...bytes, rest]);
}

/** Bytes as they came in chunks of any size, to be taken in pieces of any other. */
export class ByteQueue {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** The first `count` bytes, which must be there. Copied only where they lie in several chunks. */
  take(count: number): Uint8Array {
    this.#length -= count;
    const [head] = this.#chunks;
    if (head !== undefined && head.length >= count) return this.#cut(head, count);
    const taken = new Uint8Array(count);
    let filled = 0;
    while (filled < count) {
      const [next] = this.#chunks;
      if (next === undefined) throw new RangeError(`${count - filled} bytes more are taken than were pushed`);
      const part = this.#cut(next, Math.min(next.length, count - filled));
      taken.set(part, filled);
      filled += part.length;
    }
    return taken;
  }

  #cut(head: Uint8Array, count: number): Uint8Array {
    if (count === head.length) this.#chunks.shift();
    else this.#chunks[0] = head.subarray(count);
    return head.subarray(0, count);
  }
}
