import type { Clock } from './clock.ts';
import type { Usage } from './shared-ports.ts';

export type Amounts = { -readonly [Field in keyof Usage]: Usage[Field] };

export function noUsage(): Amounts {
  return {
    messagesIn: 0,
    bytesIn: 0,
    messagesOut: 0,
    bytesOut: 0,
    storedByteSeconds: 0,
    connectionMs: 0,
    tunnelBytes: 0,
  };
}

export function addUsage(to: Amounts, more: Usage): void {
  to.messagesIn += more.messagesIn;
  to.bytesIn += more.bytesIn;
  to.messagesOut += more.messagesOut;
  to.bytesOut += more.bytesOut;
  to.storedByteSeconds += more.storedByteSeconds;
  to.connectionMs += more.connectionMs;
  to.tunnelBytes += more.tunnelBytes;
}

export function isNothing(usage: Usage): boolean {
  const { messagesIn, bytesIn, messagesOut, bytesOut, storedByteSeconds, connectionMs, tunnelBytes } = usage;
  return messagesIn + bytesIn + messagesOut + bytesOut + storedByteSeconds + connectionMs + tunnelBytes === 0;
}

/**
 * What one peer uses on this node. Whoever serves the peer holds the account and adds to its numbers, which only grow:
 * on the message path that is an addition, without a look-up.
 */
export class UsageAccount {
  readonly peer: string;
  /** Messages that the relay took from the peer, and the bytes of their payloads. */
  messagesIn = 0;
  bytesIn = 0;
  /** Messages handed to a connection of the peer for the first time, and the bytes of their payloads. */
  messagesOut = 0;
  bytesOut = 0;
  tunnelBytes = 0;
  /** Open connections. */
  connections = 0;
  /** What had come in at the last look at the rates. */
  seenMessages = 0;
  seenBytes = 0;
  private connectionMs = 0;
  /** Milliseconds since 1970 up to which connection time is counted. */
  private countedTo = 0;
  private holders = 0;
  private readonly taken = noUsage();
  private readonly clock: Clock;

  constructor(peer: string, clock: Clock) {
    this.peer = peer;
    this.clock = clock;
  }

  /** Nobody adds to it any more. */
  get isIdle(): boolean {
    return this.holders === 0 && this.connections === 0;
  }

  /** Somebody adds to it who has no connection of its own; until as many calls of `release`. */
  hold(): void {
    this.holders += 1;
  }

  release(): void {
    this.holders -= 1;
  }

  /** A connection of the peer has begun: its time counts until `close`. */
  open(): void {
    this.count(this.clock.now());
    this.connections += 1;
  }

  close(): void {
    this.count(this.clock.now());
    this.connections -= 1;
  }

  /** Counts the time of the open connections up to `now`. A clock that goes back counts none until it has caught up. */
  private count(now: number): void {
    if (now <= this.countedTo) return;
    this.connectionMs += this.connections * (now - this.countedTo);
    this.countedTo = now;
  }

  /** Adds what has come since the last call to `sums`, with the connection time up to `now`. */
  takeInto(sums: Amounts, now: number): void {
    const { taken } = this;
    this.count(now);
    sums.messagesIn += this.messagesIn - taken.messagesIn;
    sums.bytesIn += this.bytesIn - taken.bytesIn;
    sums.messagesOut += this.messagesOut - taken.messagesOut;
    sums.bytesOut += this.bytesOut - taken.bytesOut;
    sums.connectionMs += this.connectionMs - taken.connectionMs;
    sums.tunnelBytes += this.tunnelBytes - taken.tunnelBytes;
    taken.messagesIn = this.messagesIn;
    taken.bytesIn = this.bytesIn;
    taken.messagesOut = this.messagesOut;
    taken.bytesOut = this.bytesOut;
    taken.connectionMs = this.connectionMs;
    taken.tunnelBytes = this.tunnelBytes;
  }
}
