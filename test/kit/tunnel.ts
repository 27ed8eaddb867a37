import { MAX_TUNNEL_DATA_BYTES, type RelayFrame } from '@causeway/protocol';
import type { RawPeer } from './peer.ts';
import { streamBytes } from './tunnel-bytes.ts';
import { deferred, within } from './wait.ts';

/** Generous: it bounds a failing test, it is no assertion about speed. */
const DEADLINE_MS = 90_000;

export type TunnelFrame = Extract<
  RelayFrame,
  { type: 'tunnel_data' | 'tunnel_credit' | 'tunnel_end' | 'tunnel_close' }
>;

export interface TunnelOptions {
  /** Of the stream that this end sends, and of the one that it is given. */
  readonly seeds?: readonly [sends: number, takes: number];
  /** Credit is returned when so many bytes were taken: 1 for at once, Infinity for never. */
  readonly creditEvery?: number;
}

interface Waiter {
  readonly isMet: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** One end of a tunnel: sends a stream as its credit allows, and checks by position what it is given. */
export class KitTunnel {
  readonly tunnel: number;
  readonly peer: string;
  /** Bytes that this end may still send. */
  credit: number;
  sent = 0;
  received = 0;
  /** Bytes taken that were not returned as credit. */
  unreturned = 0;
  /** The other end sends no more. */
  isEnded = false;
  /** With which reason it was closed; null while it is not. */
  reason: string | null = null;
  /** What was not as it should be. */
  readonly faults: string[] = [];
  readonly #raw: RawPeer;
  readonly #seeds: readonly [number, number];
  readonly #creditEvery: number;
  readonly #waiters = new Set<Waiter>();
  #isHeld = false;

  constructor(
    raw: RawPeer,
    { tunnel, peer, credit }: Extract<RelayFrame, { type: 'tunnel_open' }>,
    { seeds = [1, 1], creditEvery = 1 }: TunnelOptions,
  ) {
    this.#raw = raw;
    this.tunnel = tunnel;
    this.peer = peer;
    this.credit = credit;
    this.#seeds = seeds;
    this.#creditEvery = creditEvery;
  }

  /** Sends so many bytes more, in pieces of at most `piece`; resolves when all have left. */
  async send(bytes: number, piece = MAX_TUNNEL_DATA_BYTES): Promise<void> {
    const until = this.sent + bytes;
    while (this.sent < until) {
      if (this.credit === 0) await this.until(() => this.credit > 0, 'credit');
      this.#sendPiece(Math.min(piece, this.credit, until - this.sent));
    }
  }

  /** Whatever the credit. */
  overrun(bytes: number): void {
    for (const until = this.sent + bytes; this.sent < until; )
      this.#sendPiece(Math.min(MAX_TUNNEL_DATA_BYTES, until - this.sent));
  }

  end(): void {
    this.#raw.send({ type: 'tunnel_end', tunnel: this.tunnel });
  }

  close(reason: string): void {
    this.#raw.send({ type: 'tunnel_close', tunnel: this.tunnel, reason });
  }

  /** From now on no credit is returned, until `release`. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#returnCredit();
  }

  /** Returns so much credit, earned or not. */
  returnCredit(bytes: number): void {
    this.unreturned -= bytes;
    this.#raw.send({ type: 'tunnel_credit', tunnel: this.tunnel, bytes });
  }

  /** The reason with which the tunnel is closed, or was. */
  async closed(): Promise<string> {
    await this.until(() => this.reason !== null, 'a close', true);
    return this.reason as string;
  }

  untilReceived(bytes: number): Promise<void> {
    return this.until(() => this.received >= bytes, `${bytes} bytes`);
  }

  untilEnded(): Promise<void> {
    return this.until(() => this.isEnded, 'the end');
  }

  /** Fails when the tunnel is closed meanwhile, unless that may be. */
  async until(isMet: () => boolean, what: string, mayClose = false): Promise<void> {
    if (isMet()) return;
    const { promise, resolve, reject } = deferred<void>();
    const waiter: Waiter = { isMet, resolve, reject };
    this.#waiters.add(waiter);
    const state = (): string => `${what} (sent ${this.sent}, received ${this.received}, closed: ${this.reason})`;
    if (this.reason !== null && !mayClose) reject(new Error(`closed while waiting for ${state()}`));
    try {
      await within(promise, DEADLINE_MS, state);
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  /** What the relay says of this tunnel. */
  take(frame: TunnelFrame): void {
    if (this.reason !== null) this.faults.push(`${frame.type} after the close`);
    switch (frame.type) {
      case 'tunnel_data':
        this.#data(frame.bytes);
        break;
      case 'tunnel_credit':
        this.credit += frame.bytes;
        break;
      case 'tunnel_end':
        if (this.isEnded) this.faults.push('a second end');
        this.isEnded = true;
        break;
      case 'tunnel_close':
        this.reason = frame.reason;
    }
    for (const { isMet, resolve, reject } of this.#waiters) {
      if (isMet()) resolve();
      else if (this.reason !== null) reject(new Error(`the tunnel was closed: ${this.reason}`));
    }
  }

  #sendPiece(length: number): void {
    const { tunnel } = this;
    this.#raw.send({ type: 'tunnel_data', tunnel, bytes: streamBytes(this.#seeds[0], this.sent, length) });
    this.sent += length;
    this.credit -= length;
  }

  #data(bytes: Uint8Array): void {
    if (this.isEnded) this.faults.push('bytes behind the end');
    if (!streamBytes(this.#seeds[1], this.received, bytes.length).equals(bytes)) {
      this.faults.push(`wrong bytes from ${this.received} on`);
    }
    this.received += bytes.length;
    this.unreturned += bytes.length;
    if (!this.#isHeld && this.unreturned >= this.#creditEvery) this.#returnCredit();
  }

  #returnCredit(): void {
    if (this.unreturned > 0) this.returnCredit(this.unreturned);
  }
}
