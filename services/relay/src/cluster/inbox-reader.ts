import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { InboxEntry } from '../core/ports.ts';
import type { Commands } from './commands.ts';
import { READ_BLOCK_MS } from './connect.ts';

const READ_COUNT = 512;
const MIN_BACKOFF_MS = 10;
const MAX_BACKOFF_MS = 500;
const START = '0-0';

type StreamEntry = readonly [id: Buffer, fields: readonly Buffer[]];

/** Reads one stream from its start on a connection of its own and hands the entries over in order. */
export class InboxReader {
  private readonly commands: Commands;
  private readonly key: string;
  private readonly onEntries: (entries: readonly InboxEntry[]) => void;
  private readonly stopping = new AbortController();
  private finished: Promise<void> = Promise.resolve();
  private cursor = START;
  private backoffMs = MIN_BACKOFF_MS;

  constructor(commands: Commands, key: string, onEntries: (entries: readonly InboxEntry[]) => void) {
    this.commands = commands;
    this.key = key;
    this.onEntries = onEntries;
  }

  start(): void {
    this.finished = this.readUntilStopped();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.commands.client.disconnect();
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
      this.onEntries(entries);
      // What they gave rise to goes out first; meanwhile more entries may come for the next reading.
      await nextTurn();
    }
  }

  /** Null after a fault; none when nothing came in time. */
  private async read(): Promise<InboxEntry[] | null> {
    const { client } = this.commands;
    const entries = await this.commands.run(
      'inboxRead',
      () => client.xreadBuffer('COUNT', READ_COUNT, 'BLOCK', READ_BLOCK_MS, 'STREAMS', this.key, this.cursor),
      (reply) => (reply === null ? [] : toEntries((reply[0] as unknown as [Buffer, StreamEntry[]])[1])),
    );
    return Array.isArray(entries) ? entries : null;
  }

  /**
   * A replica that took over may lack the last entries and may give their ids again, even when its clock lags behind.
   * Which entries it has that were never handed over cannot be told, so everything comes again: the links' sequences
   * tell what is known.
   */
  private async checkCursor(): Promise<boolean> {
    const lastId = await this.commands.run(
      'inboxCheck',
      () => this.commands.client.xinfo('STREAM', this.key).catch(missingStream),
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
