import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { InboxEntry } from '../core/ports.ts';
import type { Commands } from './commands.ts';
import { READ_BLOCK_MS } from './connect.ts';

const MIN_BACKOFF_MS = 10;
const MAX_BACKOFF_MS = 500;
const START = '0-0';

type StreamEntry = readonly [id: Buffer, fields: readonly Buffer[]];

export interface StreamReaderOptions {
  /** Of a connection that the blocking read has for itself. */
  readonly commands: Commands;
  readonly key: string;
  /** Entries of one reading at most. */
  readonly count: number;
  /** What its commands are called in the metrics. */
  readonly names: { readonly read: string; readonly check: string };
  readonly onEntries: (entries: readonly InboxEntry[]) => void;
}

/** Reads one stream of a node from its start, on a connection of its own, and hands the entries over in order. */
export class StreamReader {
  private readonly options: StreamReaderOptions;
  private readonly stopping = new AbortController();
  private finished: Promise<void> = Promise.resolve();
  private cursor = START;
  private backoffMs = MIN_BACKOFF_MS;

  constructor(options: StreamReaderOptions) {
    this.options = options;
  }

  start(): void {
    this.finished = this.readUntilStopped();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.options.commands.client.disconnect();
    await this.finished;
  }

  private async readUntilStopped(): Promise<void> {
    let sureOfCursor = true;
    while (!this.stopping.signal.aborted) {
      sureOfCursor ||= await this.checkCursor();
      const entries = sureOfCursor ? await this.read() : null;
      if (this.stopping.signal.aborted) return;
      if (entries === null) {
        // The connection broke or led elsewhere: the server that answers next may know less than the last one.
        sureOfCursor = false;
        await this.backOff();
        continue;
      }
      this.backoffMs = MIN_BACKOFF_MS;
      const last = entries.at(-1);
      if (last === undefined) continue;
      this.cursor = last.id;
      this.options.onEntries(entries);
      // What they gave rise to goes out first; meanwhile more entries may come for the next reading.
      await nextTurn();
    }
  }

  /** Null after a fault; none when nothing came in time. */
  private async read(): Promise<InboxEntry[] | null> {
    const { commands, key, count, names } = this.options;
    const entries = await commands.run(
      names.read,
      () => commands.client.xreadBuffer('COUNT', count, 'BLOCK', READ_BLOCK_MS, 'STREAMS', key, this.cursor),
      (reply) => (reply === null ? [] : toEntries((reply[0] as unknown as [Buffer, StreamEntry[]])[1])),
    );
    return Array.isArray(entries) ? entries : null;
  }

  /**
   * A replica that took over may lack the last entries and may give their ids again, even when its clock lags behind.
   * Which entries it has that were never handed over cannot be told, so everything comes again: the senders' sequences
   * tell what is known.
   */
  private async checkCursor(): Promise<boolean> {
    const { commands, key, names } = this.options;
    const lastId = await commands.run(
      names.check,
      () => commands.client.xinfo('STREAM', key).catch(missingStream),
      lastGeneratedId,
    );
    if (typeof lastId !== 'string') return false;
    if (isBelow(lastId, this.cursor)) this.cursor = START;
    return true;
  }

  private async backOff(): Promise<void> {
    const ms = this.backoffMs;
    this.backoffMs = Math.min(ms * 2, MAX_BACKOFF_MS);
    const { signal } = this.stopping;
    // Aborting the sleep rejects it: that is how stop() ends it at once.
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }
}

/** As XREAD and XRANGE answer them. */
export function toEntries(entries: readonly unknown[]): InboxEntry[] {
  return (entries as readonly StreamEntry[]).map(([rawId, fields]) => {
    const id = rawId.toString('latin1');
    // Redis names entries by its clock.
    return { id, appendedAt: Number.parseInt(id, 10), envelope: fields[1] as Buffer };
  });
}

/** The smallest stream id above the given one. The count within a millisecond stays far below 2^53. */
export function nextId(id: string): string {
  const dash = id.indexOf('-');
  return `${id.slice(0, dash)}-${Number(id.slice(dash + 1)) + 1}`;
}

function missingStream(error: unknown): string[] {
  if (error instanceof Error && error.message.includes('no such key')) return ['last-generated-id', START];
  throw error;
}

/** XINFO STREAM answers names and values in turn. */
function lastGeneratedId(info: unknown): string {
  const fields = info as unknown[];
  return String(fields[fields.indexOf('last-generated-id') + 1]);
}

function isBelow(id: string, other: string): boolean {
  const [ms = 0, n = 0] = id.split('-').map(Number);
  const [otherMs = 0, otherN = 0] = other.split('-').map(Number);
  return ms < otherMs || (ms === otherMs && n < otherN);
}
