import { type MessageId, type PeerId, ReceiptStatus, SendFlag } from '@causeway/protocol';
import type { Sendable } from '../src/outbox.ts';

/** A copy of a message on its way to the relay. */
interface Copy {
  readonly id: MessageId;
  readonly to: PeerId;
  readonly flags: number;
}

export type Decision = 'accept' | 'refuse' | 'refuse_for_good';

/**
 * The relay's half of PROTOCOL section 3 for one sender: sticky refusals, receipts, a wire that loses its tail when
 * the connection ends. It checks on its side what the rules promise it.
 */
export class ModelRelay {
  /** What each recipient's application was shown, duplicates left out. */
  readonly shown = new Map<PeerId, MessageId[]>();
  /** Receipts on their way back. */
  receipts: { id: MessageId; to: PeerId; status: number }[] = [];
  wire: Copy[] = [];
  /** Messages that the sender may not resend as long as this connection lives. */
  readonly #unanswered = new Set<MessageId>();
  readonly #sticky = new Map<PeerId, number>();
  /** A reason that does not pass also holds for the next copy. */
  readonly #refusedForGood = new Set<MessageId>();
  #mostUnanswered = 0;

  get mostUnanswered(): number {
    return this.#mostUnanswered;
  }

  send({ entry, flags }: Sendable): void {
    if (this.#unanswered.has(entry.id)) throw new Error(`${entry.id} was sent twice on one connection`);
    const { to } = entry.message;
    if (flags & SendFlag.afterRefusal && [...this.wire, ...this.receipts].some((other) => other.to === to)) {
      throw new Error(`${entry.id} begins again before everything to ${to} is answered`);
    }
    this.#unanswered.add(entry.id);
    this.#mostUnanswered = Math.max(this.#mostUnanswered, this.#unanswered.size);
    this.wire.push({ id: entry.id, to, flags });
  }

  /** Takes one SEND off the wire. */
  process(decision: Decision, temporary: number): void {
    const copy = this.wire.shift();
    if (!copy) return;
    const { id, to, flags } = copy;
    if (flags & SendFlag.afterRefusal) this.#sticky.delete(to);
    if (decision === 'refuse_for_good') this.#refusedForGood.add(id);
    const sticky = this.#sticky.get(to);
    if (sticky !== undefined) {
      this.receipts.push({ id, to, status: sticky });
    } else if (decision === 'refuse') {
      this.#sticky.set(to, temporary);
      this.receipts.push({ id, to, status: temporary });
    } else if (this.#refusedForGood.has(id)) {
      this.receipts.push({ id, to, status: ReceiptStatus.forbidden });
    } else {
      this.#show(to, id);
      if (flags & SendFlag.noReceipt) this.#unanswered.delete(id);
      else this.receipts.push({ id, to, status: ReceiptStatus.delivered });
    }
  }

  #show(to: PeerId, id: MessageId): void {
    const shown = this.shown.get(to) ?? [];
    if (!shown.includes(id)) shown.push(id);
    this.shown.set(to, shown);
  }

  /** The next receipt reaches the sender. */
  takeReceipt(): { id: MessageId; status: number } | undefined {
    const receipt = this.receipts.shift();
    if (receipt) this.#unanswered.delete(receipt.id);
    return receipt;
  }

  disconnect(): void {
    this.wire = [];
    this.receipts = [];
    this.#unanswered.clear();
    this.#sticky.clear();
  }
}
