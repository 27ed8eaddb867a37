import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { nextKey } from './schedule.ts';

export const HEADER_BYTES = 4;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;
const COUNTER_OFFSET = 8;
/** With its header a record is one TUNNEL_DATA. */
const MAX_RECORD_BYTES = 65536;
export const MAX_PLAINTEXT_BYTES = MAX_RECORD_BYTES - HEADER_BYTES - TAG_BYTES;
const MAX_BODY_BYTES = MAX_PLAINTEXT_BYTES + TAG_BYTES;
/** At most 64 MiB under one key: what leaks from memory opens no more than that of the past. */
export const RECORDS_PER_KEY = 1024;

/** The first byte of a record. */
export const RECORD = { data: 0, end: 1 } as const;
export type RecordType = (typeof RECORD)[keyof typeof RECORD];

/** What the header says of the body that follows, or null where no record has such a header. */
export function readHeader(header: Uint8Array): { readonly type: RecordType; readonly bodyBytes: number } | null {
  const [type, high = 0, middle = 0, low = 0] = header;
  const bodyBytes = (high << 16) | (middle << 8) | low;
  if (bodyBytes < TAG_BYTES || bodyBytes > MAX_BODY_BYTES) return null;
  if (type === RECORD.data) return { type, bodyBytes };
  return type === RECORD.end && bodyBytes === TAG_BYTES ? { type, bodyBytes } : null;
}

/**
 * The records of one direction: `type:u8 length:u24 body[length]`, where the body is ChaCha20-Poly1305 (RFC 8439) over the
 * content, with the header as additional data and the number of the record under its key as nonce. So a record opens in
 * its place only.
 */
export class RecordCipher {
  #key: Uint8Array;
  #count = 0;
  readonly #nonce = new Uint8Array(NONCE_BYTES);
  readonly #counter = new DataView(this.#nonce.buffer);

  /** @param key is this object's from now on */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** The whole record. `content` has at most MAX_PLAINTEXT_BYTES. */
  seal(type: RecordType, content: Uint8Array): Uint8Array {
    const record = new Uint8Array(HEADER_BYTES + content.length + TAG_BYTES);
    new DataView(record.buffer).setUint32(0, (type << 24) | (content.length + TAG_BYTES));
    const header = record.subarray(0, HEADER_BYTES);
    chacha20poly1305(this.#key, this.#nextNonce(), header).encrypt(aligned(content), record.subarray(HEADER_BYTES));
    this.#advance();
    return record;
  }

  /** The content, or null where this is not the record that has to come next. */
  open(header: Uint8Array, body: Uint8Array): Uint8Array | null {
    try {
      const content = chacha20poly1305(this.#key, this.#nextNonce(), header).decrypt(aligned(body));
      this.#advance();
      return content;
    } catch (error) {
      if (error instanceof Error) return null;
      throw error;
    }
  }

  #nextNonce(): Uint8Array {
    this.#counter.setUint32(COUNTER_OFFSET, this.#count);
    return this.#nonce;
  }

  #advance(): void {
    this.#count++;
    if (this.#count < RECORDS_PER_KEY) return;
    const old = this.#key;
    this.#key = nextKey(old);
    old.fill(0);
    this.#count = 0;
  }
}

/** The cipher works on words, and bytes that do not lie on one cost it more than this copy. */
function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % Uint32Array.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
}
