import { LostError, TransferError } from './errors.ts';
import { type Exchange, exchange } from './exchange.ts';
import type { ControlOf, Entry } from './records.ts';
import type { ByteDuplex } from './wire.ts';

/** What is sent. It outlives a lost stream, so that another can go on. */
export interface TransferSource {
  readonly entries: readonly Entry[];
  /** SHA-256 of the first bytes of a file; null when it has not so many, or keeps them no longer. */
  prefix(file: number, bytes: number): Promise<Uint8Array | null>;
  /** Reads on from there. @throws TransferError for what cannot be read, or is not what was offered */
  open(file: number, from: number): Promise<Outgoing>;
  /** The receiver has taken so much of it and will not ask for it again. */
  confirmed(file: number, bytes: number): void;
}

export interface Outgoing {
  /** The next bytes, MAX_DATA_BYTES at most; null at the end. */
  next(): Promise<Uint8Array | null>;
  /** SHA-256 of the whole file, at its end. */
  digest(): Uint8Array;
  close(): Promise<void>;
}

export interface SenderEvents {
  /** The receiver has agreed, and has these bytes of the files already. */
  onStart(held: ReadonlyMap<number, number>): void;
  onGot(file: number, bytes: number): void;
  onSaved(file: number): void;
  /** Bytes of a file that were handed to the stream. */
  onSent(bytes: number): void;
}

/**
 * Sends what the receiver takes, over one stream.
 * @throws TransferError; LostError, after which the same source can be sent over another stream
 */
export async function sendFiles(
  duplex: ByteDuplex,
  source: TransferSource,
  events: SenderEvents,
  signal: AbortSignal,
): Promise<void> {
  let complete = false;
  try {
    await exchange(duplex, { role: 'sender', expects: 'receiver', signal }, async (lines) => {
      for (const entry of source.entries) await lines.send({ type: 'entry', ...entry });
      await lines.send({ type: 'ready' });
      await tellPrefixes(lines, source);
      const taken = await readTaken(lines, source);
      events.onStart(new Map(taken.map(({ file, from }) => [file, from])));
      await lines.both(pump(lines, source, taken, events), readProgress(lines, source, taken, events));
      complete = true;
    });
  } catch (error) {
    // The receiver has said that it has everything.
    if (!(complete && error instanceof LostError)) throw error;
  }
}

/** The receiver compares: its own hashes would tell the sender what files it has. */
async function tellPrefixes(lines: Exchange, source: TransferSource): Promise<void> {
  const asked: ControlOf<'have'>[] = [];
  for (let record = await lines.expect('have', 'ready'); record.type === 'have'; ) {
    known(source, record.file);
    if (asked.length === source.entries.length) throw new TransferError('protocol', 'a file was asked for twice');
    asked.push(record);
    record = await lines.expect('have', 'ready');
  }
  for (const { file, bytes } of asked) {
    const hash = await lines.during(source.prefix(file, bytes));
    await lines.send({ type: 'prefix', file, ...(hash !== null && { hash }) });
  }
  await lines.send({ type: 'ready' });
}

async function readTaken(lines: Exchange, source: TransferSource): Promise<ControlOf<'take'>[]> {
  const taken: ControlOf<'take'>[] = [];
  for (let record = await lines.expect('take', 'ready'); record.type === 'take'; ) {
    const { size } = known(source, record.file);
    if (record.file <= (taken.at(-1)?.file ?? -1) || record.from > (size ?? record.from)) {
      throw new TransferError('protocol', 'the other end asked for bytes that are not there');
    }
    taken.push(record);
    record = await lines.expect('take', 'ready');
  }
  return taken;
}

async function pump(
  lines: Exchange,
  source: TransferSource,
  taken: readonly ControlOf<'take'>[],
  events: SenderEvents,
): Promise<void> {
  for (const { file, from } of taken) {
    const outgoing = await source.open(file, from);
    try {
      await lines.send({ type: 'file', file, from });
      for (;;) {
        const chunk = await orOver(lines, outgoing.next());
        if (chunk === null) break;
        await lines.send(chunk);
        events.onSent(chunk.length);
      }
      await lines.send({ type: 'end', hash: outgoing.digest() });
    } finally {
      await outgoing.close();
    }
  }
  await lines.send({ type: 'done' });
}

async function readProgress(
  lines: Exchange,
  source: TransferSource,
  taken: readonly ControlOf<'take'>[],
  events: SenderEvents,
): Promise<void> {
  let saved = 0;
  for (;;) {
    const record = await lines.expect('got', 'saved', 'done');
    if (record.type === 'done') break;
    known(source, record.file);
    if (record.type === 'got') {
      source.confirmed(record.file, record.bytes);
      events.onGot(record.file, record.bytes);
    } else {
      saved += 1;
      events.onSaved(record.file);
    }
  }
  if (saved !== taken.length) throw new TransferError('protocol', 'the other end ended before it had every file');
}

/** A source such as a keyboard may not answer for long, and the exchange must be able to end. */
function orOver<T>({ over }: Exchange, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onOver = (): void => reject(over.reason);
    over.addEventListener('abort', onOver, { once: true });
    work.then(resolve, reject).finally(() => over.removeEventListener('abort', onOver));
    if (over.aborted) onOver();
  });
}

function known({ entries }: TransferSource, file: number): Entry {
  const entry = entries[file];
  if (entry !== undefined && !entry.folder) return entry;
  throw new TransferError('protocol', `the other end named a file ${file} that was not offered`);
}
