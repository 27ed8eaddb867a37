import type { MessageId, NodeId } from '@causeway/protocol';
import type { Clock, Timers } from './clock.ts';
import type { Counters } from './counters.ts';
import type { LoggedEntry } from './inbox-log.ts';
import { type Frame, LinkFrames, settle } from './link-frames.ts';
import type { Message } from './message.ts';
import { encodeEmpty, encodeEnvelope, encodeMessage, encodeTrace, NodeFrame, ReceiptsBuilder } from './node-frames.ts';
import type { LinkAppendReply, Links } from './ports.ts';

const FIRST_RETRY_MS = 10;
const LAST_RETRY_MS = 250;
/** Milliseconds between two appends that carry receipts alone: a receipt is less urgent than its own cost. */
const RECEIPTS_WAIT_MS = 2;
/** A link that could not append for this long refuses new messages instead of collecting them. */
const DOWN_AFTER_MS = 2000;

export interface LinkDeps {
  readonly self: NodeId;
  readonly links: Links;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly counters: Counters;
  readonly linkBytes: number;
  readonly inboxBytes: number;
  /** The inbox of the node is full; `certain` is false when an earlier, unanswered try may still have put it there. */
  readonly onFull: (message: Message, certain: boolean) => void;
  /** The node could not be reached for too long; the message never was appended. */
  readonly onDown: (message: Message) => void;
  /** The node takes no messages any more; these never reached it, in their order. */
  readonly onClosed: (messages: readonly Message[]) => void;
  /** The node is gone, and with it what had been appended and then forgotten by the store: these messages, in order. */
  readonly onGone: (node: NodeId, forgotten: readonly Message[]) => void;
  /** Whether the node is known to be gone for good. */
  readonly isGone: (node: NodeId) => boolean;
}

/**
 * The sending end of the link to one node. Frames get consecutive sequence numbers; one append is in flight at a time,
 * and what arises meanwhile goes into the next one: that gives order and batching together, and an idle link waits for
 * nothing. Appended frames are kept until the other node acknowledges having read them, because a Redis failover can
 * forget an append after it was confirmed; the next append then meets a gap and everything missing is sent again.
 */
export class Link {
  readonly node: NodeId;
  /** Last frame that was read on the opposite link; each envelope tells the other node. */
  readSequence = 0;
  private readonly deps: LinkDeps;
  private readonly queue = new LinkFrames();
  private readonly receipts = new ReceiptsBuilder();
  private receiptEntries: LoggedEntry[] = [];
  /** An append of the current batch had no answer: it may have landed, or may yet. */
  private uncertain = false;
  private failingSince = 0;
  private retryMs = FIRST_RETRY_MS;
  private scheduled = false;
  private receiptsScheduled = false;
  /** Milliseconds since 1970 of the last append. */
  private appendedAt = 0;
  /** The node takes no messages any more, only frames of other kinds. */
  private closed = false;
  private gone = false;

  constructor(node: NodeId, deps: LinkDeps) {
    this.node = node;
    this.deps = deps;
  }

  /** Bytes of all frames that are held. */
  get bytes(): number {
    return this.queue.bytes;
  }

  /** What `bytes` should be, counted anew. */
  get frameBytes(): number {
    return this.queue.countBytes();
  }

  get frames(): number {
    return this.queue.count + (this.receipts.count > 0 ? 1 : 0);
  }

  /** Frames whose append is not confirmed. */
  get unappended(): number {
    return this.queue.unappended + (this.receipts.count > 0 ? 1 : 0);
  }

  /**
   * Sends a message on its way, or says why it can't: the node takes none any more, the link is over its bytes, or does
   * not get through.
   */
  message(message: Message, path: number): 'taken' | 'closed' | 'full' | 'down' {
    if (this.closed) return 'closed';
    if (this.isDown) return 'down';
    if (this.queue.bytes > this.deps.linkBytes) return 'full';
    if (message.trace !== null) this.enqueue(encodeTrace(message.trace), null, null, false);
    this.enqueue(encodeMessage(message, path), message, null, true);
    return 'taken';
  }

  receipt(session: number, id: MessageId, status: number, entry: LoggedEntry): void {
    if (this.gone) {
      entry.unsettled -= 1;
      return;
    }
    this.receipts.add(session, id, status);
    this.receiptEntries.push(entry);
    this.scheduleReceipts();
  }

  /**
   * Control frames are never refused. Receipts that were given before go before: a message that
   * comes back is sent again, which it must not be while its node has yet to hear of an earlier one's refusal.
   */
  control(bytes: Buffer, settles: readonly LoggedEntry[] | null = null): void {
    if (this.gone) return settle(settles);
    this.enqueueReceipts();
    this.enqueue(bytes, null, settles, true);
  }

  /** Asks for an acknowledgment, or answers such a question. */
  signal(type: typeof NodeFrame.none | typeof NodeFrame.probe): void {
    if (!this.gone) this.enqueue(encodeEmpty(type), null, null, false);
  }

  /** The last frame there is. */
  get last(): number {
    return this.queue.last;
  }

  /** Whether the other node has read all frames up to this one. */
  hasRead(sequence: number): boolean {
    return this.queue.acked >= sequence;
  }

  /** The other node has read all frames up to this one. */
  acknowledge(sequence: number): void {
    this.queue.acknowledge(sequence);
  }

  /** What it holds is forgotten, and a reply that comes late does nothing. */
  stop(): void {
    this.closed = true;
    this.clear();
  }

  /** To be called every second: asks for an acknowledgment where one is owed. Answers whether it did. */
  probeIfSilent(ackedBefore: number): number {
    const { wantedAcks, batch, acked } = this.queue;
    if (wantedAcks > 0 && batch === null && acked === ackedBefore) this.signal(NodeFrame.probe);
    return this.queue.acked;
  }

  private get isDown(): boolean {
    return this.failingSince !== 0 && this.deps.clock.now() - this.failingSince > DOWN_AFTER_MS;
  }

  private enqueue(
    bytes: Buffer,
    message: Message | null,
    settles: readonly LoggedEntry[] | null,
    wantsAck: boolean,
  ): void {
    this.queue.add(bytes, message, settles, wantsAck);
    this.schedule();
  }

  /** At the end of the turn, so that what all packets and inbox entries of it give rise to travels together. */
  private schedule(): void {
    if (this.scheduled || this.queue.batch !== null) return;
    this.scheduled = true;
    this.deps.timers.soon(() => {
      this.scheduled = false;
      this.next();
    });
  }

  /** Receipts that nothing else takes along go at once on an idle link; on a busy one they wait for each other. */
  private scheduleReceipts(): void {
    if (this.receiptsScheduled || this.scheduled || this.queue.batch !== null) return;
    const wait = this.appendedAt + RECEIPTS_WAIT_MS - this.deps.clock.now();
    if (wait <= 0) return this.schedule();
    this.receiptsScheduled = true;
    this.deps.timers.after(wait, () => {
      this.receiptsScheduled = false;
      this.next();
    });
  }

  private next(): void {
    if (this.queue.batch !== null || this.gone) return;
    this.enqueueReceipts();
    if (!this.queue.hasWaiting) return;
    this.queue.takeBatch();
    this.appendedAt = this.deps.clock.now();
    this.uncertain = false;
    this.append();
  }

  private enqueueReceipts(): void {
    if (this.receipts.count === 0) return;
    const entries = this.receiptEntries;
    this.receiptEntries = [];
    this.enqueue(this.receipts.take(), null, entries, true);
  }

  private append(): void {
    const batch = this.queue.batch as Frame[];
    const first = (batch[0] as Frame).sequence;
    this.deps.links
      .append({
        from: this.deps.self,
        to: this.node,
        first,
        last: first + batch.length - 1,
        acked: this.queue.acked,
        exempt: batch.every((frame) => frame.message === null),
        envelope: encodeEnvelope(this.deps.self, first, this.readSequence, batch),
        inboxBytes: this.deps.inboxBytes,
      })
      .then((reply) => this.replied(reply));
  }

  private replied(reply: LinkAppendReply): void {
    if (this.gone) return;
    switch (reply.kind) {
      case 'ok':
      case 'dup':
        return this.appended();
      case 'gap':
        return this.resendFrom(Math.max(reply.last, this.queue.acked) + 1);
      case 'full':
        return this.takeBackFull();
      case 'closing':
        this.takeBackAll();
        return this.append();
      case 'reaping':
        this.takeBackAll();
        return this.retry();
      case 'reaped':
        return this.end(reply.last);
      case 'missing':
        if (this.deps.isGone(this.node)) return this.end(0);
        return this.retry();
      case 'unavailable':
        // What the store refused has had no effect.
        this.uncertain ||= reply.refused !== true;
        return this.retry();
    }
  }

  private appended(): void {
    this.failingSince = 0;
    this.retryMs = FIRST_RETRY_MS;
    this.deps.counters.batchFrames.observe((this.queue.batch as Frame[]).length);
    this.queue.confirmBatch();
    this.goOn();
  }

  /** What is read in the rest of this turn still goes into the next append. */
  private goOn(): void {
    if (this.queue.hasWaiting) this.schedule();
    else if (this.receipts.count > 0) this.scheduleReceipts();
  }

  /**
   * The inbox lost frames that had been confirmed (or this batch came before its predecessors): everything from `first`
   * on goes again. What the other node has read it need not have again.
   */
  private resendFrom(first: number): void {
    this.deps.counters.linkGaps += 1;
    this.queue.rewind(first);
    this.next();
  }

  /**
   * Receipts and control frames must pass a full inbox, or two nodes could wait for each other for ever. What waits
   * behind the batch is refused with it: a later message of the same sender must not find room that an earlier one did not.
   */
  private takeBackFull(): void {
    this.deps.counters.linkFull += 1;
    const batch = this.queue.takeBackBatch();
    const behind = this.queue.takeBackWaiting();
    for (const message of batch) this.deps.onFull(message, !this.uncertain);
    for (const message of behind) this.deps.onFull(message, true);
    this.append();
  }

  /** No message reaches the node any more, not even by an earlier try that had no answer: the reply is final. */
  private takeBackAll(): void {
    this.closed = true;
    const messages = [...this.queue.takeBackBatch(), ...this.queue.takeBackWaiting()];
    if (messages.length > 0) this.deps.onClosed(messages);
  }

  /** What has waited for too long is refused, and its senders try again; of what may have landed nobody can say. */
  private refuseLate(): void {
    const batch = this.uncertain ? [] : this.queue.takeBackBatch();
    const behind = this.queue.takeBackWaiting();
    for (const message of [...batch, ...behind]) this.deps.onDown(message);
  }

  private retry(): void {
    this.deps.counters.linkRetries += 1;
    if (this.failingSince === 0) this.failingSince = this.deps.clock.now();
    if (this.isDown) this.refuseLate();
    const wait = this.retryMs;
    this.retryMs = Math.min(LAST_RETRY_MS, wait * 2);
    this.deps.timers.after(wait, () => {
      if (this.queue.batch !== null) this.append();
    });
  }

  /** The store remembers frames up to `last`; what it has forgotten of the rest is in nobody's hands. */
  private end(last: number): void {
    this.takeBackAll();
    const forgotten = this.queue.messagesAbove(last, this.deps.self);
    this.clear();
    this.deps.onGone(this.node, forgotten);
  }

  private clear(): void {
    this.gone = true;
    settle(this.receiptEntries);
    this.receiptEntries = [];
    if (this.receipts.count > 0) this.receipts.take();
    this.queue.clear();
  }
}
