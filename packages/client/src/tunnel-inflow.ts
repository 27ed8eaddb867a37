import { ByteQueue } from './byte-queue.ts';
import { Deferred } from './deferred.ts';

/** Credit goes back when the application has taken this part of the window: a frame for a quarter of it, none for less... */
const CREDIT_PARTS = 4;
/** ...but what was taken is returned after so many milliseconds at the latest: the other end's window may be smaller. */
const CREDIT_DELAY_MS = 1000;

export interface InflowHandlers {
  /** The application has taken so many bytes more. */
  onCredit(bytes: number): void;
  /** The application does not want what is still to come. */
  onCancel(reason: unknown): void;
}

/** The direction towards this end: from TUNNEL_DATA to the application, and credit back as it reads. */
export class Inflow {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #handlers: InflowHandlers;
  readonly #creditStep: number;
  readonly #queue = new ByteQueue();
  #controller: ReadableByteStreamController | undefined;
  /** A read that waits for bytes. */
  #wanted: Deferred<void> | null = null;
  #ended = false;
  #over = false;
  /** Bytes that the application took and that are not returned yet. */
  #owed = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param window the credit that each end has for a start, bytes */
  constructor(window: number, handlers: InflowHandlers) {
    this.#handlers = handlers;
    this.#creditStep = Math.max(1, Math.floor(window / CREDIT_PARTS));
    const source: UnderlyingByteSource = {
      type: 'bytes',
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#pull(),
      cancel: (reason: unknown) => this.#cancel(reason),
    };
    // Nothing is read ahead: what the stream has been given, the application has.
    this.stream = new ReadableStream(source, { highWaterMark: 0 });
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** TUNNEL_DATA. Copies. */
  push(bytes: Uint8Array): void {
    if (this.#over || this.#ended) return;
    this.#queue.push(bytes);
    if (this.#queue.size > 0) this.#serve();
  }

  /** TUNNEL_END: what is here already stays readable, whatever becomes of the tunnel. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#finish();
    this.#settle();
  }

  /** The tunnel is closed: without its END, the bytes that wait are of no use. */
  fail(error: Error): void {
    clearTimeout(this.#timer);
    if (this.#over || this.#ended) return;
    this.#over = true;
    this.#queue.clear();
    this.#controller?.error(error);
    this.#settle();
  }

  #pull(): Promise<void> | void {
    if (this.#queue.size > 0) return this.#hand();
    this.#wanted = new Deferred();
    return this.#wanted.promise;
  }

  #serve(): void {
    if (!this.#wanted) return;
    this.#hand();
    this.#settle();
  }

  #settle(): void {
    this.#wanted?.resolve();
    this.#wanted = null;
  }

  /** Gives the stream one piece. */
  #hand(): void {
    const controller = this.#controller;
    const request = controller?.byobRequest;
    let count = 0;
    if (request?.view) {
      const { buffer, byteOffset, byteLength } = request.view;
      count = this.#queue.moveTo(new Uint8Array(buffer, byteOffset, byteLength));
      request.respond(count);
    } else {
      const bytes = this.#queue.take() as Uint8Array<ArrayBuffer>;
      count = bytes.length;
      controller?.enqueue(bytes);
    }
    this.#return(count);
    this.#finish();
  }

  #finish(): void {
    if (this.#over || !this.#ended || this.#queue.size > 0) return;
    this.#over = true;
    this.#controller?.close();
    // A reader that brought a buffer gets it back, empty.
    this.#controller?.byobRequest?.respond(0);
  }

  #cancel(reason: unknown): void {
    clearTimeout(this.#timer);
    this.#over = true;
    this.#queue.clear();
    this.#settle();
    if (!this.#ended) this.#handlers.onCancel(reason);
  }

  #return(count: number): void {
    if (this.#ended) return;
    this.#owed += count;
    if (this.#owed >= this.#creditStep) this.#pay();
    else this.#timer ??= setTimeout(() => this.#pay(), CREDIT_DELAY_MS);
  }

  #pay(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const bytes = this.#owed;
    this.#owed = 0;
    this.#handlers.onCredit(bytes);
  }
}
