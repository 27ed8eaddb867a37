/** WebSocket framing (RFC 6455, section 5) as a load generator needs it: whole messages, no extensions. */

export const Opcode = { text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

/** `buffer[start, end)` is the payload, valid until the handler returns. */
export type FrameHandler = (opcode: number, buffer: Buffer, start: number, end: number) => void;

const FIN = 0x80;
const MASKED = 0x80;
const MASK_BYTES = 4;

/**
 * One client frame. The masking key is zero: legal on the wire, and it makes masking free.
 *
 * @param parts concatenated as the payload
 */
export function clientFrame(opcode: number, ...parts: Uint8Array[]): Buffer {
  const payload = Buffer.concat(parts);
  return Buffer.concat([clientHeader(opcode, payload.length), payload]);
}

function clientHeader(opcode: number, length: number): Buffer {
  const extended = length < 126 ? 0 : length < 65536 ? 2 : 8;
  const header = Buffer.alloc(2 + extended + MASK_BYTES);
  header[0] = FIN | opcode;
  header[1] = MASKED | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) header.writeUInt16BE(length, 2);
  if (extended === 8) header.writeBigUInt64BE(BigInt(length), 2);
  return header;
}

/** Cuts a byte stream from a server into frames. Whole frames are handed over in place, without a copy. */
export class FrameParser {
  readonly #onFrame: FrameHandler;
  #rest = Buffer.alloc(0);

  constructor(onFrame: FrameHandler) {
    this.#onFrame = onFrame;
  }

  /** @throws Error for a masked, fragmented or compressed frame: no server under test sends one. */
  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const end = this.#parse(bytes);
    this.#rest = end === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(end));
  }

  /** @returns where the first incomplete frame begins */
  #parse(bytes: Buffer): number {
    let at = 0;
    while (bytes.length - at >= 2) {
      const first = bytes[at] as number;
      const second = bytes[at + 1] as number;
      if ((first & 0xf0) !== FIN || (first & 0x0f) === 0 || second >= MASKED) {
        throw new Error(`unexpected WebSocket frame header ${first.toString(16)} ${second.toString(16)}`);
      }
      const header = second < 126 ? 2 : second === 126 ? 4 : 10;
      if (bytes.length - at < header) break;
      const length =
        header === 2 ? second : header === 4 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
      const start = at + header;
      if (bytes.length - start < length) break;
      at = start + length;
      this.#onFrame(first & 0x0f, bytes, start, at);
    }
    return at;
  }
}
