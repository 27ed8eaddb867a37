import { setTimeout as sleep } from 'node:timers/promises';
import type { InboxEntry } from '../core/ports.ts';
import type { Commands } from './commands.ts';
import { nextId } from './stream-reader.ts';
import { KEEP_MS } from './tunnel-writer.ts';

const TRY_AGAIN_MS = 100;
/** What was handed over waits until it is so much, or for so long: a command for each reading would cost as much as that. */
const WAIT_BYTES = 256 * 1024;
const WAIT_MS = 20;

/**
 * Removes from a stream what was handed over, many entries at a time. One removal is under way at a time; one without an
 * answer is repeated as it was, so that its bytes leave the account once.
 */
export class TunnelTrimmer {
  private readonly commands: Commands;
  private readonly state: string;
  private readonly tunnels: string;
  private readonly stopping = new AbortController();
  private trimming: Promise<void> | null = null;
  private timer: NodeJS.Timeout | null = null;
  /** Last entry that is to go, and bytes of all of them. */
  private upTo = '';
  private bytes = 0;

  constructor(commands: Commands, state: string, tunnels: string) {
    this.commands = commands;
    this.state = state;
    this.tunnels = tunnels;
  }

  /** @param entries read behind those of the call before */
  remove(entries: readonly InboxEntry[]): void {
    for (const { id, envelope } of entries) {
      this.upTo = id;
      this.bytes += envelope.length;
    }
    this.schedule();
  }

  /** Ends when all is removed, or with the first removal that has no answer. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.schedule();
    while (this.trimming !== null) await this.trimming;
  }

  private schedule(): void {
    if (this.trimming !== null || this.upTo === '') return;
    if (this.bytes >= WAIT_BYTES || this.stopping.signal.aborted) this.begin();
    else this.timer ??= setTimeout(() => this.begin(), WAIT_MS);
  }

  private begin(): void {
    clearTimeout(this.timer ?? undefined);
    this.timer = null;
    this.trimming = this.trimUntilAnswered([nextId(this.upTo), this.bytes, KEEP_MS]);
    this.upTo = '';
    this.bytes = 0;
  }

  private async trimUntilAnswered(args: readonly [minId: string, bytes: number, keepMs: number]): Promise<void> {
    const { signal } = this.stopping;
    while (!(await this.trim(args))) {
      if (signal.aborted) {
        this.trimming = null;
        return;
      }
      // Aborting the sleep rejects it: then it is tried for the last time.
      await sleep(TRY_AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
    this.trimming = null;
    this.schedule();
  }

  private async trim(args: readonly [minId: string, bytes: number, keepMs: number]): Promise<boolean> {
    const reply = await this.commands.script('tunnelTrim', [this.state, this.tunnels], args, () => ({
      kind: 'trimmed' as const,
    }));
    return reply.kind === 'trimmed';
  }
}
