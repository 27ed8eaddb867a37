import type { NodeId } from '@causeway/protocol';
import { type PeerKey, realmOf } from './address.ts';
import type { Clock, Timers } from './clock.ts';
import type { Counters } from './counters.ts';
import { isAgain, isStorable, type Message, storedBytes } from './message.ts';
import type { Directory, LocateReply, Location, MailboxId, StoredMessage, Writer } from './ports.ts';
import type { RealmAccounts } from './realm-accounts.ts';
import { Retry } from './retry.ts';
import type { Settings } from './settings.ts';
import { endEach, type Span, startEach, type Tracer } from './tracer.ts';
import { Turnstile } from './turnstile.ts';

/** A lookup that has no answer for this long has failed. */
const LOOKUP_FOR_MS = 2000;
const MAX_AT_ONCE = 16;

export interface LookupDeps {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly counters: Counters;
  readonly directory: Directory;
  readonly accounts: RealmAccounts;
  /** Sequence for a mailbox write of this node. */
  readonly nextWrite: () => number;
  /** Null: nothing is traced. */
  readonly tracer: Tracer | null;
}

/** `stored`: the mailbox entry of each message that went there; the others can't be stored, or the mailbox is full. */
export type LookupResult =
  | { readonly kind: 'located'; readonly location: Location }
  | {
      readonly kind: 'stored';
      readonly entries: ReadonlyMap<Message, MailboxId>;
      readonly attempted: ReadonlySet<Message>;
    }
  | { readonly kind: 'failed' };

/** Finds a peer's owner or, in the same step, stores the messages for it; repeats until the outcome is known. */
export class Lookup {
  private readonly deps: LookupDeps;
  private readonly turnstile = new Turnstile(MAX_AT_ONCE);

  constructor(deps: LookupDeps) {
    this.deps = deps;
  }

  /** `messages` are for one peer, in order; those for an offline peer that fit are stored in that order. */
  run(key: PeerKey, messages: readonly Message[], done: (result: LookupResult) => void): void {
    const { settings, accounts, nextWrite } = this.deps;
    const realm = realmOf(key);
    const storable = messages.filter(isStorable);
    // What comes behind one that has no room has none either, or it would overtake that.
    const full = storable.findIndex((message) => !accounts.hasRoom(realm, storedBytes(message)));
    if (full >= 0) storable.length = full;
    const spans = startEach(this.deps.tracer, 'mailbox_store', storable);
    const ended = spans === null ? done : endingEach(spans, done);
    const since = this.deps.clock.now();
    this.turnstile.enter(() => {
      if (this.deps.clock.now() - since < LOOKUP_FOR_MS) {
        this.try(key, storable, { node: settings.node as NodeId, sequence: nextWrite() }, new Retry(), ended);
      } else {
        this.turnstile.leave();
        ended({ kind: 'failed' });
      }
    });
  }

  private try(
    key: PeerKey,
    storable: readonly Message[],
    writer: Writer,
    retry: Retry,
    done: (result: LookupResult) => void,
  ): void {
    const { settings, directory, counters, clock, timers } = this.deps;
    counters.lookups += 1;
    const limits = { messages: settings.mailboxMessages, bytes: settings.mailboxBytes, ttlMs: settings.mailboxTtlMs };
    directory.locateOrStore(key, writer, storable.map(toStored), limits).then((reply) => {
      const now = clock.now();
      const wait = reply.kind === 'unavailable' ? retry.failed(now) : 0;
      const isOver = reply.kind !== 'unavailable' || retry.failedFor(now) >= LOOKUP_FOR_MS;
      if (isOver) this.turnstile.leave();
      if (reply.kind !== 'unavailable') return done(this.result(key, storable, reply));
      if (isOver) return done({ kind: 'failed' });
      timers.after(wait, () => this.try(key, storable, writer, retry, done));
    });
  }

  private result(
    key: PeerKey,
    storable: readonly Message[],
    reply: Exclude<LocateReply, { kind: 'unavailable' }>,
  ): LookupResult {
    if (reply.kind === 'located') return reply;
    const realm = realmOf(key);
    this.deps.accounts.evicted(realm, reply.evicted);
    const entries = new Map<Message, MailboxId>();
    for (const [index, entry] of reply.entries.entries()) {
      const message = storable[index] as Message;
      entries.set(message, entry);
      this.deps.accounts.stored(realm, entry, storedBytes(message));
      this.deps.counters.carried('mailbox', message.payload.length);
    }
    return { kind: 'stored', entries, attempted: new Set(storable) };
  }
}

function endingEach(spans: readonly Span[], done: (result: LookupResult) => void): (result: LookupResult) => void {
  return (result) => {
    endEach(spans, { 'causeway.outcome': result.kind }, result.kind === 'failed');
    done(result);
  };
}

function toStored(message: Message): StoredMessage {
  const { id, from, payload } = message;
  return { id, from, payload, again: isAgain(message) };
}
