import { MAX_TUNNEL_DATA_BYTES, type PeerId } from '@causeway/protocol';
import type { BufferPool } from '../buffers.ts';
import type { Clock, Timers } from '../clock.ts';
import type { Connection } from '../connection.ts';
import type { Counters } from '../counters.ts';
import type { SharedBytes } from '../shared-bytes.ts';
import type { UsageAccount } from '../usage-account.ts';
import { ByteQueue } from './byte-queue.ts';
import type { Far, TunnelReason } from './far.ts';

export interface TunnelEndDeps {
  /** Bytes of one direction that may be under way: what an end may send before any credit has come back. */
  readonly windowBytes: number;
  /** Bytes that a tunnel may carry, both directions together. */
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly counters: Counters;
  /** Bytes of all tunnels that wait on this node. */
  readonly held: SharedBytes;
  readonly pool: BufferPool;
}

/** Who holds the end: a client's connection. */
export interface TunnelHolder {
  readonly connection: Connection;
  readonly account: UsageAccount;
  /** The tunnel is over; the holder forgets it. */
  onOver(end: TunnelEnd): void;
  /** Something waits until the connection is writable, when `flush` is to be called. */
  onStalled(end: TunnelEnd): void;
}

/**
 * One end of a tunnel: a client of this node. What the client says goes to the far end, which may be on this node or on
 * another; what comes from there (the methods of `Far`) goes to the client as fast as its connection takes it. Credit
 * bounds both directions: nobody may send more than the other end has room for, nor give back what was never taken.
 */
export class TunnelEnd implements Far {
  /** The client's number of the tunnel. */
  readonly tunnel: number;
  /** This node's number of the end: what another node calls it by. */
  readonly number: number;
  /** Milliseconds since 1970 at which something was last carried. */
  activeAt: number;
  private readonly holder: TunnelHolder;
  private readonly deps: TunnelEndDeps;
  /** Null until the tunnel is open. */
  private far: Far | null = null;
  private isOver = false;
  /** Bytes that the client may still send. */
  private maySend: number;
  /** Bytes given to this end that its client has not returned as credit. */
  private unreturned = 0;
  private carried = 0;
  /** Credit that the client is to be told of: once a turn, and not while its connection is congested. */
  private creditDue = 0;
  /** Bytes that the connection has no room for. */
  private readonly waiting: ByteQueue;
  private clientEnded = false;
  private farEnded = false;

  private readonly tell = (bytes: Uint8Array): void => this.holder.connection.tunnelData(this.tunnel, bytes);

  constructor(tunnel: number, number: number, holder: TunnelHolder, deps: TunnelEndDeps) {
    this.tunnel = tunnel;
    this.number = number;
    this.holder = holder;
    this.deps = deps;
    this.waiting = new ByteQueue(deps.pool);
    this.activeAt = deps.clock.now();
    this.maySend = deps.windowBytes;
  }

  get isOpen(): boolean {
    return this.far !== null && !this.isOver;
  }

  /** The far end is there: the client is told. `ref`: of its request; null for one that accepted an offer. */
  open(far: Far, peer: PeerId, ref: number | null): void {
    this.far = far;
    this.activeAt = this.deps.clock.now();
    const credit = this.maySend;
    const { tunnel } = this;
    this.holder.connection.send({ type: 'tunnel_open', tunnel, peer, credit, ...(ref !== null && { ref }) });
  }

  // From the client.

  /** False: after its end, which is malformed. */
  clientData(bytes: Uint8Array): boolean {
    if (this.clientEnded) return false;
    if (bytes.length === 0) return true;
    if (bytes.length > this.maySend) return this.fail('credit');
    this.maySend -= bytes.length;
    this.holder.account.tunnelBytes += bytes.length;
    this.deps.counters.tunnelBytes += bytes.length;
    this.far?.data(bytes);
    this.carry(bytes.length);
    return true;
  }

  clientCredit(bytes: number): void {
    if (bytes === 0 || bytes > this.unreturned) {
      this.fail('credit');
      return;
    }
    this.unreturned -= bytes;
    this.activeAt = this.deps.clock.now();
    this.far?.credit(bytes);
  }

  /** False: a second time, which is malformed. */
  clientEnd(): boolean {
    if (this.clientEnded) return false;
    this.clientEnded = true;
    this.far?.end();
    this.finishIfEnded();
    return true;
  }

  /** The client is done with it, or has gone. */
  clientClose(reason: string): void {
    if (this.isOver) return;
    this.far?.close(reason);
    this.finish(true);
  }

  // From the far end.

  // What comes before the end is open is about one that had its number in vain: a call that is tried again keeps it.

  data(bytes: Uint8Array): void {
    if (!this.isOpen) return;
    this.unreturned += bytes.length;
    if (!this.carry(bytes.length)) return;
    const { connection } = this.holder;
    if (this.waiting.length === 0 && !connection.isCongested) connection.tunnelData(this.tunnel, bytes);
    else this.wait(bytes);
  }

  credit(bytes: number): void {
    if (!this.isOpen) return;
    this.maySend += bytes;
    this.activeAt = this.deps.clock.now();
    if (this.creditDue === 0) this.deps.timers.soon(() => this.tellCredit());
    this.creditDue += bytes;
  }

  end(): void {
    if (!this.isOpen) return;
    this.farEnded = true;
    if (this.waiting.length === 0) this.tellEnd();
  }

  close(reason: string): void {
    if (!this.isOpen) return;
    this.finish(true);
    this.holder.connection.send({ type: 'tunnel_close', tunnel: this.tunnel, reason });
  }

  /** The end here is the one that knows whether it is over. */
  over(): void {}

  /** Ends it for a reason of the relay's: both clients are told. Always false. */
  fail(reason: TunnelReason): false {
    if (!this.isOpen) return false;
    this.deps.counters.tunnelsFailed[reason] += 1;
    this.far?.close(reason);
    this.close(reason);
    return false;
  }

  /** The connection is writable: one piece of what waits goes to it. False: nothing waits any more. */
  flush(): boolean {
    this.tellCredit();
    const before = this.waiting.length;
    if (!this.waiting.take(MAX_TUNNEL_DATA_BYTES, this.tell)) return false;
    this.activeAt = this.deps.clock.now();
    this.deps.held.change(before, this.waiting.length);
    if (this.waiting.length > 0) return true;
    if (this.farEnded) this.tellEnd();
    return false;
  }

  private tellCredit(): void {
    const bytes = this.creditDue;
    if (bytes === 0 || !this.isOpen) return;
    if (this.holder.connection.isCongested) return this.holder.onStalled(this);
    this.creditDue = 0;
    this.holder.connection.send({ type: 'tunnel_credit', tunnel: this.tunnel, bytes });
  }

  private wait(bytes: Uint8Array): void {
    const before = this.waiting.length;
    this.waiting.push(bytes);
    if (!this.deps.held.change(before, this.waiting.length)) this.fail('overloaded');
    else if (before === 0) this.holder.onStalled(this);
  }

  /** False: more than a tunnel may carry, and it is over. */
  private carry(bytes: number): boolean {
    this.carried += bytes;
    this.activeAt = this.deps.clock.now();
    if (this.carried <= this.deps.maxBytes) return true;
    this.fail('limit');
    return false;
  }

  private tellEnd(): void {
    this.holder.connection.send({ type: 'tunnel_end', tunnel: this.tunnel });
    this.finishIfEnded();
  }

  private finishIfEnded(): void {
    if (this.clientEnded && this.farEnded && this.waiting.length === 0) this.finish(false);
  }

  private finish(atOnce: boolean): void {
    if (this.isOver) return;
    this.isOver = true;
    this.deps.held.change(this.waiting.length, 0);
    this.waiting.clear();
    this.far?.over(atOnce);
    this.far = null;
    this.holder.onOver(this);
  }
}
