import { Deque } from './deque.ts';
import type { Message } from './message.ts';
import type { Delivery } from './window.ts';

const MAX_MESSAGES = 1024;
const MAX_BYTES = 4 * 1024 * 1024;

export interface Waiting {
  readonly message: Message;
  /** Set when it has been delivered already and is here to be stored. */
  readonly delivery: Delivery | null;
}

/** What waits, in order, to be written to one peer's mailbox or to be delivered. */
export class Backlog {
  private readonly queue = new Deque<Waiting>();
  private bytes = 0;
  /** Those that have been delivered already. */
  spills = 0;

  get length(): number {
    return this.queue.length;
  }

  get isFull(): boolean {
    return this.queue.length >= MAX_MESSAGES || this.bytes > MAX_BYTES;
  }

  get head(): Message | undefined {
    return this.queue.peek()?.message;
  }

  push(message: Message): void {
    this.queue.push({ message, delivery: null });
    this.bytes += message.payload.length;
  }

  /** In front of everything else, in the order given. */
  unshift(waiting: readonly Waiting[]): void {
    for (let i = waiting.length - 1; i >= 0; i -= 1) {
      const item = waiting[i] as Waiting;
      this.queue.unshift(item);
      this.bytes += item.message.payload.length;
      if (item.delivery !== null) this.spills += 1;
    }
  }

  shift(): Waiting | undefined {
    const item = this.queue.shift();
    if (item === undefined) return undefined;
    this.bytes -= item.message.payload.length;
    if (item.delivery !== null) this.spills -= 1;
    return item;
  }

  takeAll(): Waiting[] {
    const all = [...this.queue];
    this.queue.clear();
    this.bytes = 0;
    this.spills = 0;
    return all;
  }
}
