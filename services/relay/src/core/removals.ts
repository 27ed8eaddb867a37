import { type PeerKey, realmOf } from './address.ts';
import type { Clock, Timers } from './clock.ts';
import type { Mailbox, MailboxId } from './ports.ts';
import type { RealmAccounts } from './realm-accounts.ts';
import { Retry } from './retry.ts';

/** What can't be removed for so long stays: its client recognises it when it is delivered again. */
const TRY_FOR_MS = 2000;
const MAX_REMOVED_AT_ONCE = 512;

export interface RemovalsDeps {
  readonly mailbox: Mailbox;
  readonly accounts: RealmAccounts;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** Takes acknowledged entries out of one mailbox: one call at a time, with all that came up meanwhile. */
export class Removals {
  private readonly key: PeerKey;
  private readonly deps: RemovalsDeps;
  private readonly onIdle: () => void;
  private waiting: MailboxId[] = [];
  private running = false;
  private retry: Retry | null = null;

  constructor(key: PeerKey, deps: RemovalsDeps, onIdle: () => void) {
    this.key = key;
    this.deps = deps;
    this.onIdle = onIdle;
  }

  get busy(): boolean {
    return this.running;
  }

  add(entry: MailboxId): void {
    this.waiting.push(entry);
    if (this.running) return;
    this.running = true;
    queueMicrotask(() => this.next());
  }

  private next(): void {
    if (this.waiting.length === 0) {
      this.running = false;
      this.onIdle();
      return;
    }
    this.remove(this.waiting.splice(0, MAX_REMOVED_AT_ONCE));
  }

  private remove(entries: readonly MailboxId[]): void {
    const { mailbox, accounts, clock, timers } = this.deps;
    mailbox.remove(this.key, entries).then((reply) => {
      if (reply.kind === 'removed') {
        this.retry = null;
        accounts.removed(realmOf(this.key), reply.removed);
        return this.next();
      }
      this.retry ??= new Retry();
      const wait = this.retry.failed(clock.now());
      const givesUp = this.retry.failedFor(clock.now()) >= TRY_FOR_MS;
      timers.after(wait, () => (givesUp ? this.next() : this.remove(entries)));
    });
  }
}
