import { SecurityError } from '../errors.ts';
import { ByteQueue } from './bytes.ts';
import type { ByteDuplex } from './duplex.ts';

const LENGTH_BYTES = 2;

/** The streams below a channel, locked for it. Handshake messages travel as `length:u16 bytes[length]`, big-endian. */
export class Wire {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #queue = new ByteQueue();
  #destroyed: { readonly reason: unknown } | null = null;

  /** @throws TypeError where one of the streams is locked */
  constructor({ readable, writable }: ByteDuplex) {
    this.#reader = readable.getReader();
    this.#writer = writable.getWriter();
    // Its failure is told by the write that meets it.
    this.#writer.closed.catch(() => undefined);
  }

  /** Rejects when nothing can be written any more. */
  get writableClosed(): Promise<void> {
    return this.#writer.closed;
  }

  /** The next `count` bytes, or null if the stream ends before. Rejects with the stream's error. */
  async take(count: number): Promise<Uint8Array | null> {
    this.#throwIfDestroyed();
    while (this.#queue.length < count) {
      const { done, value } = await this.#reader.read();
      this.#throwIfDestroyed();
      if (done) return null;
      this.#queue.push(value);
    }
    return this.#queue.take(count);
  }

  /** Resolves when the stream has room for more. A failure later on is told by the next write. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#writer.ready;
    this.#writer.write(bytes).catch(() => undefined);
  }

  /** Ends this direction, behind all that was written. */
  close(): Promise<void> {
    return this.#writer.close();
  }

  /** Stops reading. */
  cancel(reason: unknown): Promise<void> {
    return this.#reader.cancel(reason);
  }

  /** Ends both directions at once; what waits for bytes gets `reason`. */
  destroy(reason: unknown): void {
    if (this.#destroyed !== null) return;
    this.#destroyed = { reason };
    this.#reader.cancel(reason).catch(() => undefined);
    this.#writer.abort(reason).catch(() => undefined);
  }

  async sendMessage(message: Uint8Array): Promise<void> {
    const framed = new Uint8Array(LENGTH_BYTES + message.length);
    new DataView(framed.buffer).setUint16(0, message.length);
    framed.set(message, LENGTH_BYTES);
    await this.write(framed);
  }

  /**
   * @param lengths those that a message may have here. Any other is refused at once: a changed length must not make both
   * ends wait for bytes that nobody sends
   * @throws SecurityError `truncated`, or `tampered` for another length
   */
  async receiveMessage(...lengths: readonly number[]): Promise<Uint8Array> {
    const [high = 0, low = 0] = await this.#takeMessagePart(LENGTH_BYTES);
    const length = (high << 8) | low;
    if (!lengths.includes(length)) {
      throw new SecurityError('tampered', `a handshake message has ${length} bytes, not ${lengths.join(' or ')}`);
    }
    return this.#takeMessagePart(length);
  }

  #throwIfDestroyed(): void {
    if (this.#destroyed !== null) throw this.#destroyed.reason;
  }

  async #takeMessagePart(count: number): Promise<Uint8Array> {
    const part = await this.take(count);
    if (part === null) throw new SecurityError('truncated', 'the other end closed during the handshake');
    return part;
  }
}
