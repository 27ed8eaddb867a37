import { encodeFrame, MAX_TUNNEL_DATA_BYTES, TUNNEL_DATA_HEAD_BYTES, writeTunnelDataHead } from '@causeway/protocol';
import { ByteQueue } from './byte-queue.ts';
import { Deferred } from './deferred.ts';
import { UsageError } from './errors.ts';
import type { OutletSource } from './tunnel-outlet.ts';

/** Bytes taken from the application and not given to the socket: one full TUNNEL_DATA, so small writes share one. */
const STAGED_BYTES = MAX_TUNNEL_DATA_BYTES;

export interface OutflowHandlers {
  /** There is something for the socket. `urgent`: a full frame, no use in waiting for more. */
  onReady(urgent: boolean): void;
  /** TUNNEL_END has gone out. */
  onEnded(): void;
  /** The application, or a fault in what it wrote, ends the tunnel. */
  onAbort(reason: unknown): void;
}

/** The direction away from this end: from the application to TUNNEL_DATA, as credit and the socket allow. */
export class Outflow implements OutletSource {
  readonly stream: WritableStream<Uint8Array>;
  readonly #tunnel: number;
  readonly #handlers: OutflowHandlers;
  readonly #staged = new ByteQueue();
  #credit: number;
  #controller: WritableStreamDefaultController | undefined;
  /** A write that waits for room. */
  #room: Deferred<void> | null = null;
  /** `close()` was called; resolved when END has gone out. */
  #closing: Deferred<void> | null = null;
  #over = false;
  #error: Error | null = null;

  constructor(tunnel: number, credit: number, handlers: OutflowHandlers) {
    this.#tunnel = tunnel;
    this.#credit = credit;
    this.#handlers = handlers;
    const sink: UnderlyingSink<Uint8Array> = {
      start: (controller) => {
        this.#controller = controller;
        const { signal } = controller;
        // Not `abort` of the sink: that comes behind a write that may be waiting for credit.
        signal.addEventListener('abort', () => handlers.onAbort(signal.reason), { once: true });
      },
      write: (chunk) => this.#write(chunk),
      close: () => this.#close(),
    };
    // Not ByteLengthQueuingStrategy: for what has no length it fails the stream before the sink can close the tunnel.
    const size = (chunk: Uint8Array | undefined): number => chunk?.byteLength ?? 0;
    this.stream = new WritableStream(sink, { highWaterMark: STAGED_BYTES, size });
  }

  get ended(): boolean {
    return this.#over && this.#closing !== null;
  }

  /** TUNNEL_CREDIT. */
  allow(bytes: number): void {
    this.#credit += bytes;
    if (this.ready) this.#handlers.onReady(true);
  }

  /** The tunnel is closed. */
  fail(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#staged.clear();
    // A stream that is being aborted fails by itself, and Node 20 and 22 stumble over another error then.
    if (!this.#controller?.signal.aborted) this.#controller?.error(error);
    this.#room?.reject(error);
    this.#closing?.reject(error);
    this.#closing = null;
  }

  get ready(): boolean {
    if (this.#over) return false;
    return this.#staged.size > 0 ? this.#credit > 0 : this.#closing !== null;
  }

  get frameBytes(): number {
    return TUNNEL_DATA_HEAD_BYTES + Math.min(this.#staged.size, this.#credit);
  }

  writeFrame(target: Uint8Array, offset: number): number {
    if (this.#staged.size === 0) return this.#writeEnd(target, offset);
    const bytes = Math.min(this.#staged.size, this.#credit);
    const at = writeTunnelDataHead(target, offset, this.#tunnel, bytes);
    this.#staged.moveTo(target.subarray(at, at + bytes));
    this.#credit -= bytes;
    this.#room?.resolve();
    this.#room = null;
    return at + bytes;
  }

  #writeEnd(target: Uint8Array, offset: number): number {
    const frame = encodeFrame({ type: 'tunnel_end', tunnel: this.#tunnel });
    target.set(frame, offset);
    this.#over = true;
    this.#closing?.resolve();
    this.#handlers.onEnded();
    return offset + frame.length;
  }

  async #write(chunk: Uint8Array): Promise<void> {
    // Not instanceof: bytes may come from another window or context.
    if (!ArrayBuffer.isView(chunk)) {
      this.#handlers.onAbort('not bytes');
      throw new UsageError('bad_option', 'a tunnel takes a Uint8Array at a time');
    }
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + STAGED_BYTES - this.#staged.size);
      this.#staged.push(part);
      at += part.length;
      const room = this.#staged.size < STAGED_BYTES ? null : new Deferred<void>();
      this.#room = room;
      if (this.ready) this.#handlers.onReady(room !== null);
      await room?.promise;
      // Between the frame that made room and this turn the tunnel may have been closed.
      if (this.#error) throw this.#error;
    }
  }

  async #close(): Promise<void> {
    this.#closing = new Deferred();
    if (this.ready) this.#handlers.onReady(true);
    await this.#closing.promise;
  }
}
