import type { NodeId } from '@causeway/protocol';
import type { PeerKey } from './address.ts';
import type { Clock, Log, Timers } from './clock.ts';
import type { Counters } from './counters.ts';
import { Hops } from './hops.ts';
import { InboxLog, type LoggedEntry } from './inbox-log.ts';
import { isAtOrBefore } from './mailbox-id.ts';
import type { Message } from './message.ts';
import { type EnvelopeHead, type FieldReader, readEnvelope, readMessage } from './node-frame-reader.ts';
import { NodeFrame, type PresenceChange } from './node-frames.ts';
import type { NodeLinks } from './node-links.ts';
import type { Inbox, InboxEntry, Location, MailboxId } from './ports.ts';
import type { Tracer } from './tracer.ts';

/** Trimming lags behind by this much, so that it is not a command for each entry. */
const TRIM_AFTER_MS = 50;
const NO_ENTRY = '0-0';

export interface InboxReaderDeps {
  readonly self: NodeId;
  readonly inbox: Inbox;
  readonly links: NodeLinks;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly counters: Counters;
  /** Null: nothing is traced. */
  readonly tracer: Tracer | null;
  /** Number of the next message that this node takes in. */
  readonly nextOrder: () => number;
  readonly onMessage: (message: Message) => void;
  readonly onReceipt: (session: number, id: Message['id'], status: number) => void;
  /** A message of this node's senders that its recipient's node gave back, with the owner that it knows of. */
  readonly onReturned: (message: Message, owner: Location | null) => void;
  readonly onHandover: (key: PeerKey, epoch: number) => void;
  readonly onTurn: (key: PeerKey, epoch: number) => void;
  readonly onPresence: (change: PresenceChange) => void;
  readonly onEcho: (nonce: number) => void;
}

/**
 * The receiving end of all links: reads this node's inbox in order, drops frames that it has read before, and trims the
 * log behind what is settled.
 */
export class InboxReader {
  private readonly deps: InboxReaderDeps;
  private readonly log = new InboxLog();
  private readonly read = new Map<NodeId, number>();
  private readonly hops: Hops | null;
  private trimming = false;
  private lastRead: MailboxId | '' = '';

  constructor(deps: InboxReaderDeps) {
    this.deps = deps;
    this.hops = deps.tracer === null ? null : new Hops(deps.tracer, deps.clock, deps.counters);
  }

  /** Entries that have been read and are not settled, or not trimmed yet. */
  get unsettled(): number {
    return this.log.length;
  }

  start(): void {
    this.deps.inbox.start(this.deps.self, (entries) => {
      for (const entry of entries) this.take(entry);
      this.trimLater();
    });
  }

  /** Whether everything up to and with this entry has been read; `0-0` is before all entries. */
  hasRead(entry: string): boolean {
    return entry === NO_ENTRY || isAtOrBefore(entry as MailboxId, this.lastRead);
  }

  private take({ id, appendedAt, envelope }: InboxEntry): void {
    const { counters, clock, log } = this.deps;
    counters.inboxEntries += 1;
    counters.inboxLag.observe(Math.max(0, clock.now() - appendedAt));
    this.lastRead = id as MailboxId;
    const head = readEnvelope(envelope);
    if (head === null) {
      counters.drop('unreadable_entry');
      log.error({ entry: id, bytes: envelope.length }, 'an inbox entry is of no version that this node reads');
      return this.log.add({ id, source: '' as NodeId, bytes: envelope.length, appendedAt, unsettled: 0 });
    }
    const logged: LoggedEntry = { id, source: head.sender, bytes: envelope.length, appendedAt, unsettled: 0 };
    this.log.add(logged);
    try {
      this.takeFrames(head, logged);
    } catch (error) {
      counters.drop('unreadable_entry');
      log.error({ entry: id, source: head.sender, error: String(error) }, 'an inbox entry is malformed');
    }
    this.hops?.done();
  }

  private takeFrames(head: EnvelopeHead, logged: LoggedEntry): void {
    const link = this.deps.links.to(head.sender);
    link.acknowledge(head.ack);
    let last = this.read.get(head.sender) ?? 0;
    for (let sequence = head.first; head.frames.more; sequence += 1) {
      const { type, body } = head.frames.frame();
      if (sequence <= last) {
        this.deps.counters.drop('stale_frame');
        continue;
      }
      last = sequence;
      link.readSequence = sequence;
      this.read.set(head.sender, sequence);
      this.handle(type, body, logged, sequence);
    }
  }

  private handle(type: number, body: FieldReader, logged: LoggedEntry, sequence: number): void {
    switch (type) {
      case NodeFrame.message: {
        const trace = this.hops === null ? null : this.hops.take(logged, sequence);
        const message = readMessage(body, logged.source, this.deps.nextOrder(), logged, trace);
        logged.unsettled += 1;
        return this.deps.onMessage(message);
      }
      case NodeFrame.receipts:
        while (body.more) this.deps.onReceipt(body.u32(), body.u64(), body.u8());
        return;
      case NodeFrame.returned: {
        const epoch = body.epoch();
        const node = body.node();
        const message = readMessage(body, this.deps.self, this.deps.nextOrder(), null);
        return this.deps.onReturned(message, node === '' ? null : { node, epoch });
      }
      case NodeFrame.handover: {
        const epoch = body.epoch();
        return this.deps.onHandover(body.key(), epoch);
      }
      case NodeFrame.turn: {
        const epoch = body.epoch();
        return this.deps.onTurn(body.key(), epoch);
      }
      case NodeFrame.presence: {
        const online = body.u8() === 1;
        const at = body.u48();
        const epoch = body.epoch();
        return this.deps.onPresence({ key: body.key(), online, at, epoch });
      }
      case NodeFrame.probe:
        return this.deps.links.to(logged.source).signal(NodeFrame.none);
      case NodeFrame.echo:
        return this.deps.onEcho(body.u48());
      case NodeFrame.trace:
        return this.hops?.announce(logged.source, sequence, body);
      case NodeFrame.none:
        return;
      default:
        return this.deps.counters.drop('unknown_frame');
    }
  }

  /** Settling happens in many places; the head of the log is looked at a little later, for all of them together. */
  private trimLater(): void {
    if (this.trimming) return;
    this.trimming = true;
    this.deps.timers.after(TRIM_AFTER_MS, () => this.trim());
  }

  private trim(): void {
    const settled = this.log.takeSettled();
    if (settled === null) {
      this.trimming = false;
      if (this.log.length > 0) this.trimLater();
      return;
    }
    this.trimUpTo(settled.upTo, settled.bytes);
  }

  private trimUpTo(upTo: string, bytes: number): void {
    this.deps.inbox.trim(this.deps.self, upTo, bytes).then((reply) => {
      if (reply.kind === 'unavailable') {
        this.deps.timers.after(TRIM_AFTER_MS * 4, () => this.trimUpTo(upTo, bytes));
        return;
      }
      this.trimming = false;
      if (this.log.length > 0) this.trimLater();
    });
  }
}
