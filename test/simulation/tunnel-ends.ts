import type { RelayFrame } from '@causeway/protocol';
import type { Rng } from '../kit/rng.ts';
import { streamBytes } from '../kit/tunnel-bytes.ts';
import type { Wire } from './peers.ts';

/** An end says its number first, so that the other one can be found. */
const NUMBER_BYTES = 4;
const MOST_BYTES = 300;
const BY_ITSELF = 'closed by itself';

export type TunnelFrame = Extract<
  RelayFrame,
  { type: 'tunnel_data' | 'tunnel_credit' | 'tunnel_end' | 'tunnel_close' }
>;

/** One end of a tunnel as its client has it. It sends a stream of its own, and checks what comes by the other's. */
export class SimTunnelEnd {
  readonly number: number;
  readonly owner: string;
  readonly peer: string;
  readonly faults: string[] = [];
  sent = 0;
  received = 0;
  /** The other end's number; null until it has come. */
  far: number | null = null;
  hasEnded = false;
  wasEnded = false;
  /** Why it was closed; null where it was not. */
  reason: string | null = null;
  private readonly wire: Wire;
  private readonly tunnel: number;
  private readonly rng: Rng;
  private readonly total: number;
  /** Bytes after which it closes the tunnel; Infinity for most. */
  private readonly closesAt: number;
  private credit: number;
  private unreturned = 0;
  private readonly head = Buffer.alloc(NUMBER_BYTES);

  constructor(
    number: number,
    owner: string,
    wire: Wire,
    { tunnel, peer, credit }: Extract<RelayFrame, { type: 'tunnel_open' }>,
    total: number,
    rng: Rng,
  ) {
    this.number = number;
    this.owner = owner;
    this.wire = wire;
    this.tunnel = tunnel;
    this.peer = peer;
    this.credit = credit;
    this.total = total;
    this.closesAt = rng.chance(0.05) ? rng.int(total) : Number.POSITIVE_INFINITY;
    this.rng = rng;
  }

  /** Nothing more is to come of it. */
  get isOver(): boolean {
    return this.wire.closedWith !== 0 || this.reason !== null || (this.hasEnded && this.wasEnded);
  }

  /** Something is said, if there is anything to say: nothing here hides that the tunnel has come to a halt. */
  act(): void {
    if (this.isOver) return;
    const { rng, tunnel } = this;
    if (this.unreturned > 0 && rng.chance(0.7)) {
      const bytes = 1 + rng.int(this.unreturned);
      this.unreturned -= bytes;
      this.wire.say({ type: 'tunnel_credit', tunnel, bytes });
    }
    this.send();
  }

  take(frame: TunnelFrame): void {
    // Its close and what was said before may cross.
    if (this.reason === BY_ITSELF) return;
    switch (frame.type) {
      case 'tunnel_data':
        return this.data(frame.bytes);
      case 'tunnel_credit':
        this.credit += frame.bytes;
        return;
      case 'tunnel_end':
        if (this.wasEnded) this.faults.push('a second end');
        this.wasEnded = true;
        return;
      case 'tunnel_close':
        this.reason = frame.reason;
    }
  }

  private close(): void {
    this.reason = BY_ITSELF;
    this.wire.say({ type: 'tunnel_close', tunnel: this.tunnel, reason: 'enough' });
  }

  private send(): void {
    const { rng, tunnel } = this;
    const most = Math.min(this.credit, this.total - this.sent, MOST_BYTES);
    if (most > 0) {
      // The number goes in one piece, which any window has room for.
      const count = this.sent === 0 ? NUMBER_BYTES : 1 + rng.int(most);
      this.wire.say({ type: 'tunnel_data', tunnel, bytes: this.bytes(this.sent, count) });
      this.sent += count;
      this.credit -= count;
    }
    if (this.sent > this.closesAt) return this.close();
    if (this.sent < this.total || this.hasEnded) return;
    this.hasEnded = true;
    this.wire.say({ type: 'tunnel_end', tunnel });
  }

  private bytes(from: number, count: number): Uint8Array {
    if (from > 0) return streamBytes(this.number, from, count);
    const head = Buffer.alloc(NUMBER_BYTES);
    head.writeUInt32BE(this.number);
    return head;
  }

  private data(bytes: Uint8Array): void {
    if (this.wasEnded) this.faults.push('bytes behind the end');
    this.unreturned += bytes.length;
    const missing = Math.max(0, NUMBER_BYTES - this.received);
    this.head.set(bytes.subarray(0, missing), this.received % NUMBER_BYTES);
    const rest = bytes.subarray(missing);
    const at = Math.max(this.received, NUMBER_BYTES);
    this.received += bytes.length;
    if (this.received >= NUMBER_BYTES) this.far ??= this.head.readUInt32BE();
    if (rest.length > 0 && !streamBytes(this.far as number, at, rest.length).equals(rest)) {
      this.faults.push(`wrong bytes from ${at} on`);
    }
  }
}
