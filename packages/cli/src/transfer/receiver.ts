import { LostError, TransferError } from './errors.ts';
import { type Exchange, exchange } from './exchange.ts';
import type { ControlOf, Entry } from './records.ts';
import type { ByteDuplex } from './wire.ts';

/** Entries that one transfer may have. */
export const MAX_ENTRIES = 100_000;
/** Characters of all their names together. */
const MAX_NAMES = 16 * 1024 * 1024;
/** Bytes between two confirmations of what was taken. */
const CONFIRM_BYTES = 256 * 1024;

/** Where files go. It outlives a lost stream, so that another can go on. */
export interface TransferTarget {
  /**
   * Looks at what is offered before anything is made, and asks the user the first time.
   * @throws TransferError `bad_name`, `declined`, `offer_changed`, `no_space`
   */
  consider(entries: readonly Entry[], over: AbortSignal): Promise<void>;
  /** Bytes of a file that are here already, if the sender's begins with the same; 0: none. */
  held(file: number): Promise<number>;
  /**
   * Whether to take each file, and from where on.
   * @param prefixes SHA-256 of as many bytes as `held` has told, where the sender has so many
   */
  decide(prefixes: ReadonlyMap<number, Uint8Array>, over: AbortSignal): Promise<readonly Decision[]>;
  open(file: number, from: number): Promise<Sink>;
}

export interface Decision {
  readonly file: number;
  readonly from: number;
}

export interface Sink {
  write(bytes: Uint8Array): Promise<void>;
  /** Gives the file its name. @throws TransferError `hash_mismatch` and what the disk says */
  finish(hash: Uint8Array): Promise<void>;
}

export interface ReceiverEvents {
  onStart(held: ReadonlyMap<number, number>): void;
  onGot(file: number, bytes: number): void;
  onSaved(file: number): void;
}

/**
 * Receives into `target` over one stream.
 * @returns whether the sender has learnt that everything is here; a lost stream may have kept it from that
 * @throws TransferError; LostError, after which the same target can go on with another stream
 */
export async function receiveFiles(
  duplex: ByteDuplex,
  target: TransferTarget,
  events: ReceiverEvents,
  signal: AbortSignal,
): Promise<boolean> {
  let complete = false;
  try {
    await exchange(duplex, { role: 'receiver', expects: 'sender', signal }, async (lines) => {
      const entries = await readOffer(lines);
      await lines.during(target.consider(entries, lines.over));
      const decisions = await lines.during(decide(lines, target, entries));
      for (const { file, from } of decisions) await lines.send({ type: 'take', file, from });
      await lines.send({ type: 'ready' });
      events.onStart(new Map(decisions.map(({ file, from }) => [file, from])));
      for (const decision of decisions) await readFile(lines, target, decision, events);
      await lines.expect('done');
      await lines.send({ type: 'done' });
      complete = true;
    });
    return true;
  } catch (error) {
    if (complete && error instanceof LostError) return false;
    throw error;
  }
}

async function readOffer(lines: Exchange): Promise<Entry[]> {
  const entries: Entry[] = [];
  let names = 0;
  for (let record = await lines.expect('entry', 'ready'); record.type === 'entry'; ) {
    names += record.path.reduce((sum, name) => sum + name.length + 1, 0);
    if (entries.length === MAX_ENTRIES || names > MAX_NAMES) {
      throw new TransferError('too_many', `more than ${MAX_ENTRIES} files and folders cannot be sent at once`);
    }
    const { type: _, ...entry } = record;
    entries.push(entry);
    record = await lines.expect('entry', 'ready');
  }
  return entries;
}

async function decide(
  lines: Exchange,
  target: TransferTarget,
  entries: readonly Entry[],
): Promise<readonly Decision[]> {
  const asked = new Set<number>();
  for (const [file, { folder }] of entries.entries()) {
    const bytes = folder ? 0 : await target.held(file);
    if (bytes === 0) continue;
    asked.add(file);
    await lines.send({ type: 'have', file, bytes });
  }
  await lines.send({ type: 'ready' });
  const prefixes = new Map<number, Uint8Array>();
  for (let record = await lines.expect('prefix', 'ready'); record.type === 'prefix'; ) {
    if (!asked.delete(record.file)) throw new TransferError('protocol', 'a hash that nobody has asked for');
    if (record.hash !== undefined) prefixes.set(record.file, record.hash);
    record = await lines.expect('prefix', 'ready');
  }
  return lines.during(target.decide(prefixes, lines.over));
}

async function readFile(
  lines: Exchange,
  target: TransferTarget,
  { file, from }: Decision,
  { onGot, onSaved }: ReceiverEvents,
): Promise<void> {
  const head = await lines.expect('file');
  if (head.file !== file || head.from !== from) {
    throw new TransferError('protocol', 'the other end sent a file that is not due');
  }
  const sink = await target.open(file, from);
  let bytes = from;
  let confirmed = from;
  for (;;) {
    const record = await lines.next();
    if (!(record instanceof Uint8Array)) {
      await sink.finish(endOf(record).hash);
      break;
    }
    await sink.write(record);
    bytes += record.length;
    onGot(file, bytes);
    if (bytes - confirmed < CONFIRM_BYTES) continue;
    confirmed = bytes;
    await lines.send({ type: 'got', file, bytes });
  }
  await lines.send({ type: 'got', file, bytes });
  await lines.send({ type: 'saved', file });
  onSaved(file);
}

function endOf(record: { readonly type: string }): ControlOf<'end'> {
  if (record.type === 'end') return record as ControlOf<'end'>;
  throw new TransferError('protocol', `the other end sent ${JSON.stringify(record.type)} in the middle of a file`);
}
