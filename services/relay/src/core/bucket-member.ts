/** Ticks without a message after which everything goes back; peers that sent within them share fairly. */
export const IDLE_TICKS = 20;
const LEAST_RETRY_MS = 10;
const MOST_RETRY_MS = 10_000;

/** A wait as it is told to clients, in milliseconds. */
export function hint(ms: number): number {
  return Math.ceil(Math.min(Math.max(ms, LEAST_RETRY_MS), MOST_RETRY_MS));
}

/** What a peer has left of its fair share of a scope, below 0 when it has used more. */
export class Member {
  messages = 0;
  bytes = 0;
  tick = -1;
  /** In which it was counted among those that send. */
  period = -1;

  /** @param fairMessages, fairBytes a peer's share of what comes in with a tick */
  earn(tick: number, fairMessages: number, fairBytes: number): void {
    const ticks = this.tick < 0 ? IDLE_TICKS : Math.min(tick - this.tick, 2 * IDLE_TICKS);
    this.messages = Math.min(this.messages + ticks * fairMessages, IDLE_TICKS * fairMessages);
    this.bytes = Math.min(this.bytes + ticks * fairBytes, IDLE_TICKS * fairBytes);
    this.tick = tick;
  }

  /** What is above the share counts for a while only. */
  pay(messages: number, bytes: number, fairMessages: number, fairBytes: number): void {
    this.messages = Math.max(this.messages, -IDLE_TICKS * fairMessages) - messages;
    this.bytes = Math.max(this.bytes, -IDLE_TICKS * fairBytes) - bytes;
  }
}
