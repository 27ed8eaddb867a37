import { TransferError } from './errors.ts';
import { type Control, decodeControl, encodeControl } from './records.ts';

/** Any two streams of bytes; where the chunks begin and end means nothing. */
export interface ByteDuplex {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/** A record: `kind:u8 length:u32 body`, big endian. */
const HEAD_BYTES = 5;
const CONTROL = 1;
const DATA = 2;
export const MAX_CONTROL_BYTES = 64 * 1024;
export const MAX_DATA_BYTES = 256 * 1024;

/** A control record, or bytes of the file under way. */
export type Incoming = Control | Uint8Array;

export function encodeRecord(record: Control | Uint8Array): Uint8Array {
  const isData = record instanceof Uint8Array;
  const body = isData ? record : encodeControl(record);
  const packet = new Uint8Array(HEAD_BYTES + body.length);
  const view = new DataView(packet.buffer);
  view.setUint8(0, isData ? DATA : CONTROL);
  view.setUint32(1, body.length);
  packet.set(body, HEAD_BYTES);
  return packet;
}

/** Reads records off a stream of bytes, and holds one at most. */
export class RecordReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #chunks: Uint8Array[] = [];
  #held = 0;

  constructor(readable: ReadableStream<Uint8Array>) {
    this.#reader = readable.getReader();
  }

  /**
   * The next record; null at the end of the stream, also in the middle of a record.
   * @throws TransferError `protocol`; what the stream fails with
   */
  async next(): Promise<Incoming | null> {
    const head = await this.#take(HEAD_BYTES);
    if (head === null) return null;
    const view = new DataView(head.buffer, head.byteOffset, HEAD_BYTES);
    const kind = view.getUint8(0);
    const length = view.getUint32(1);
    const max = kind === CONTROL ? MAX_CONTROL_BYTES : kind === DATA ? MAX_DATA_BYTES : 0;
    if (max === 0) throw new TransferError('protocol', `the other end sent a record of the unknown kind ${kind}`);
    if (length > max) {
      throw new TransferError('protocol', `the other end sent a record of ${length} bytes, ${max} at most are allowed`);
    }
    const body = await this.#take(length);
    if (body === null) return null;
    return kind === DATA ? body : decodeControl(body);
  }

  /** What follows the records, for a stream that goes on without them. The reader must not be used after it. */
  rest(): ReadableStream<Uint8Array> {
    const held = this.#chunks.splice(0);
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const chunk = held.shift() ?? (await this.#reader.read()).value;
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
      cancel: (reason) => this.cancel(reason),
    });
  }

  /** Ends a read that waits. */
  cancel(reason: unknown): Promise<void> {
    // It fails where the stream has failed, which whoever reads has seen.
    return this.#reader.cancel(reason).catch(() => undefined);
  }

  async #take(length: number): Promise<Uint8Array | null> {
    while (this.#held < length) {
      const { value } = await this.#reader.read();
      if (value === undefined) return null;
      if (value.length === 0) continue;
      this.#chunks.push(value);
      this.#held += value.length;
    }
    this.#held -= length;
    const [first] = this.#chunks;
    if (first !== undefined && first.length > length) {
      this.#chunks[0] = first.subarray(length);
      return first.subarray(0, length);
    }
    return this.#gather(length);
  }

  #gather(length: number): Uint8Array {
    const gathered = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const chunk = this.#chunks.shift() ?? new Uint8Array();
      const used = Math.min(chunk.length, length - filled);
      gathered.set(chunk.subarray(0, used), filled);
      filled += used;
      if (used < chunk.length) this.#chunks.unshift(chunk.subarray(used));
    }
    return gathered;
  }
}
