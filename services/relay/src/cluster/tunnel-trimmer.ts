import { setTimeout as sleep } from 'node:timers/promises';
import type { InboxEntry } from '../core/ports.ts';
import type { Commands } from './commands.ts';
import { nextId } from './stream-reader.ts';
import { KEEP_MS } from './tunnel-writer.ts';

const TRY_AGAIN_MS = 100;

/**
 * Removes from a stream what was handed over. One removal is under way at a time, and the next one is for all that came
 * meanwhile; one without an answer is repeated as it was, so that its bytes leave the account once.
 */
export class TunnelTrimmer {
  private readonly commands: Commands;
  private readonly state: string;
  private readonly tunnels: string;
  private readonly stopping = new AbortController();
  private trimming: Promise<void> | null = null;
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
    this.trimming ??= this.trimAll();
  }

  /** Ends when all is removed, or with the first removal that has no answer. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.trimming;
  }

  private async trimAll(): Promise<void> {
    do {
      const args = [nextId(this.upTo), this.bytes, KEEP_MS] as const;
      this.upTo = '';
      this.bytes = 0;
      while (!(await this.trim(args))) {
        const { signal } = this.stopping;
        if (signal.aborted) return;
        // Aborting the sleep rejects it: then it is tried for the last time.
        await sleep(TRY_AGAIN_MS, undefined, { signal }).catch(() => undefined);
      }
    } while (this.upTo !== '');
    this.trimming = null;
  }

  private async trim(args: readonly [minId: string, bytes: number, keepMs: number]): Promise<boolean> {
    const reply = await this.commands.script('tunnelTrim', [this.state, this.tunnels], args, () => ({
      kind: 'trimmed' as const,
    }));
    return reply.kind === 'trimmed';
  }
}
