import { FAULTS, LostError, TransferError } from './errors.ts';
import { type Control, type ControlOf, type Role, VERSION } from './records.ts';
import { type ByteDuplex, encodeRecord, type Incoming, RecordReader } from './wire.ts';

/** Milliseconds that the other end has to take the reason of an end, before the stream is cut. */
const LAST_WORD_MS = 2000;
/** Milliseconds between signs of life while a person is asked: relays end a tunnel that is idle for minutes. */
const WAIT_MS = 60_000;

const NAMES: Readonly<Record<Role, string>> = {
  sender: 'causeway send-file',
  receiver: 'causeway receive',
  pipe: 'causeway pipe',
};

export interface ExchangeOptions {
  readonly role: Role;
  readonly expects: Role;
  /** Ends the exchange as `cancelled`; the other end is told. */
  readonly signal: AbortSignal;
}

/** Records in both directions, over one stream that may be lost at any time. */
export class Exchange {
  readonly #reader: RecordReader;
  readonly #writable: WritableStream<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #over = new AbortController();
  #upcoming: Promise<Incoming | null> | null = null;
  #both: Promise<unknown> = Promise.resolve();

  constructor({ readable, writable }: ByteDuplex) {
    this.#reader = new RecordReader(readable);
    this.#writable = writable;
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(() => undefined);
  }

  /** Aborts when this exchange is over: nobody waits for an answer any more. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Resolves when there is room for more. @throws LostError */
  async send(record: Control | Uint8Array): Promise<void> {
    this.#over.signal.throwIfAborted();
    try {
      await this.#writer.ready;
    } catch (error) {
      throw lost(error);
    }
    this.#over.signal.throwIfAborted();
    this.#write(record);
  }

  /**
   * The next record other than signs of life.
   * @throws LostError; TransferError that the other end has sent, or for what is no record
   */
  async next(): Promise<Exclude<Incoming, ControlOf<'wait' | 'error'>>> {
    const record = await this.#peek();
    this.#upcoming = null;
    if (record instanceof Uint8Array || record.type !== 'wait') return record;
    return this.next();
  }

  /** As `next`, for a place where only these types may come. @throws TransferError `protocol` */
  async expect<Type extends Control['type']>(...types: readonly Type[]): Promise<ControlOf<Type>> {
    const record = await this.next();
    const found = types.find((type) => !(record instanceof Uint8Array) && record.type === type);
    if (found !== undefined) return record as ControlOf<Type>;
    const got = record instanceof Uint8Array ? 'bytes' : JSON.stringify(record.type);
    throw new TransferError('protocol', `the other end sent ${got} where ${types.join(' or ')} was due`);
  }

  /** Waits for something else than the other end, such as a person, and fails as soon as the other end is gone. */
  async during<T>(work: Promise<T>): Promise<T> {
    const life = setInterval(() => this.#write({ type: 'wait' }), WAIT_MS);
    const gone = this.#peek().then(
      () => new Promise<never>(() => undefined),
      (error: unknown) => Promise.reject(error),
    );
    try {
      return await Promise.race([work, gone]);
    } finally {
      clearInterval(life);
    }
  }

  /** Runs the two directions at the same time. The first that fails ends the exchange, and that ends the other. */
  async both(one: Promise<void>, other: Promise<void>): Promise<void> {
    this.#both = Promise.allSettled([one, other]);
    await Promise.all([one, other]);
  }

  /** Resolves when nothing of `both` is at work any more. */
  async settled(): Promise<void> {
    await this.#both;
  }

  /** Says that nothing more comes, and waits until the other end has said so. @throws LostError */
  async finish(): Promise<void> {
    try {
      // Together: the other end may take nothing more before it has been heard.
      await Promise.all([this.#writer.close(), this.#drain()]);
    } catch (error) {
      throw lost(error);
    }
  }

  /** The streams behind what was exchanged so far, for what goes on without records. */
  release(): ByteDuplex {
    this.#writer.releaseLock();
    return { readable: this.#reader.rest(), writable: this.#writable };
  }

  /** Ends it in both directions; a reason that the other end does not know yet is sent first, if it takes it in time. */
  async fail(error: unknown): Promise<void> {
    this.#over.abort(error);
    if (error instanceof TransferError && !error.byPeer) {
      const { fault, message } = error;
      this.#write({ type: 'error', fault, message });
      await withTimeout(this.#lastWord());
    }
    // Aborting overtakes whatever has not gone out yet.
    await Promise.all([this.#writer.abort(reasonOf(error)).catch(() => undefined), this.#reader.cancel(error)]);
  }

  /** Once the other end has read the reason, it ends its direction too. */
  async #lastWord(): Promise<void> {
    try {
      await Promise.all([this.#writer.close(), this.#drain()]);
    } catch {
      // It is gone, or sends what is no record: there is nobody to tell.
    }
  }

  /** What the other end still says is of no interest. A read that waits already comes first. */
  async #drain(): Promise<void> {
    for (let record = await (this.#upcoming ?? this.#reader.next()); record !== null; ) {
      record = await this.#reader.next();
    }
  }

  #write(record: Control | Uint8Array): void {
    // What fails here fails the next `send`, and the reader as well.
    this.#writer.write(encodeRecord(record)).catch(() => undefined);
  }

  #peek(): Promise<Exclude<Incoming, ControlOf<'error'>>> {
    if (this.#over.signal.aborted) return Promise.reject(this.#over.signal.reason);
    this.#upcoming ??= this.#reader.next();
    return this.#upcoming.then(
      (record) => {
        if (record === null) throw new LostError('the other end stopped in the middle');
        if (record instanceof Uint8Array || record.type !== 'error') return record;
        throw new TransferError(record.fault, `the other side: ${record.message}`, true);
      },
      (error: unknown) => {
        throw error instanceof TransferError ? error : lost(error);
      },
    );
  }
}

/**
 * Runs `body` after both ends have greeted each other, and closes the streams in order; whatever it fails with, the
 * other end is told.
 * @throws TransferError, LostError
 */
export async function exchange<T>(
  duplex: ByteDuplex,
  { role, expects, signal }: ExchangeOptions,
  body: (lines: Exchange) => Promise<T>,
): Promise<T> {
  const lines = new Exchange(duplex);
  const running = greet(lines, role, expects).then(() => body(lines));
  const { promise: interrupted, release } = interruption(signal);
  try {
    const result = await Promise.race([running, interrupted]);
    await Promise.race([lines.finish(), interrupted]);
    return result;
  } catch (error) {
    await lines.fail(error instanceof LostError || error instanceof TransferError ? error : internal(error));
    // It lets go of what it holds before the caller goes on.
    await Promise.allSettled([running, lines.settled()]);
    throw error;
  } finally {
    release();
  }
}

/** @throws TransferError `version`; `protocol` for the wrong command; LostError */
export async function greet(lines: Exchange, role: Role, expects: Role): Promise<void> {
  await lines.send({ type: 'hello', version: VERSION, role });
  const hello = await lines.expect('hello');
  if (hello.version !== VERSION) {
    throw new TransferError('version', `the other end speaks version ${hello.version}, this one ${VERSION}`);
  }
  if (hello.role === expects) return;
  throw new TransferError('protocol', `one end runs \`${NAMES[role]}\` and the other \`${NAMES[hello.role]}\``);
}

function interruption(signal: AbortSignal): { promise: Promise<never>; release: () => void } {
  let release = (): void => undefined;
  const promise = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(new TransferError('cancelled', 'cancelled'));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    release = () => signal.removeEventListener('abort', onAbort);
  });
  promise.catch(() => undefined);
  return { promise, release };
}

async function withTimeout(work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LAST_WORD_MS);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}

function lost(cause: unknown): LostError {
  if (cause instanceof LostError) return cause;
  return new LostError(cause instanceof Error ? cause.message : String(cause), cause);
}

/** A defect of this end: the other needs no details. */
function internal(error: unknown): unknown {
  return error instanceof Error ? new TransferError('internal', 'the other end had an internal error') : error;
}

/** Stands for the record of an error that found no way any more: what is said as a stream is cut. */
export const CUT = 'transfer: ';

function reasonOf(error: unknown): string {
  return error instanceof TransferError ? CUT + error.fault : 'lost';
}

/** The error that the other end has cut a stream for; null if it said none. Whoever carries the stream can forge it. */
export function faultOfCut(reason: string): TransferError | null {
  const fault = FAULTS.find((known) => reason === CUT + known);
  return fault === undefined ? null : new TransferError(fault, `the other side: ${fault.replaceAll('_', ' ')}`, true);
}
