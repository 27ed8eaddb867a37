import { MAX_TUNNEL_DATA_BYTES } from '@causeway/protocol';
import { ByteQueue } from './byte-queue.ts';
import type { EnvelopeBuilder } from './envelope.ts';
import type { Far, TunnelReason } from './far.ts';
import { encodeClose, encodeCredit, encodeDataHead, encodeEnd } from './frames.ts';
import type { Lane, LaneEnd } from './lane.ts';
import type { TunnelEnd } from './tunnel-end.ts';

/** The far end of a tunnel where that is on another node: what is said to it waits here for its turn on the lane. */
export class RemoteEnd implements Far, LaneEnd {
  queued = false;
  /** The end here, whose far end this is. */
  private readonly near: TunnelEnd;
  /** The other node's number of it. */
  private readonly number: number;
  private readonly lane: Lane;
  private readonly waiting: ByteQueue;
  private creditDue = 0;
  private endDue = false;
  private isOver = false;

  constructor(near: TunnelEnd, number: number, lane: Lane) {
    this.near = near;
    this.number = number;
    this.lane = lane;
    this.waiting = new ByteQueue(lane.pool);
    lane.ends.add(this);
  }

  data(bytes: Uint8Array): void {
    const before = this.waiting.length;
    this.waiting.push(bytes);
    if (this.lane.hold(before, this.waiting.length)) this.lane.enqueue(this);
    else this.near.fail('overloaded');
  }

  credit(bytes: number): void {
    this.creditDue += bytes;
    this.lane.enqueue(this);
  }

  end(): void {
    this.endDue = true;
    this.lane.enqueue(this);
  }

  close(reason: string): void {
    this.lane.control(encodeClose(this.number, reason));
  }

  over(atOnce: boolean): void {
    this.isOver = true;
    if (atOnce || !this.isDue) this.forget();
  }

  fail(reason: TunnelReason): void {
    // The end here is over already: then only the other one does not know it.
    if (this.isOver) this.close(reason);
    else this.near.fail(reason);
  }

  get isDue(): boolean {
    return this.waiting.length > 0 || this.creditDue > 0 || this.endDue;
  }

  private forget(): void {
    this.lane.hold(this.waiting.length, 0);
    this.waiting.clear();
    this.creditDue = 0;
    this.endDue = false;
    this.lane.ends.delete(this);
  }

  /** Credit, a piece of what waits, the end. */
  write(envelope: EnvelopeBuilder): void {
    if (this.creditDue > 0) envelope.add(encodeCredit(this.number, this.creditDue));
    this.creditDue = 0;
    const before = this.waiting.length;
    this.waiting.take(MAX_TUNNEL_DATA_BYTES, (bytes) => {
      envelope.add(encodeDataHead(this.number, bytes.length));
      envelope.add(bytes);
    });
    this.lane.hold(before, this.waiting.length);
    if (this.endDue && this.waiting.length === 0) {
      envelope.add(encodeEnd(this.number));
      this.endDue = false;
    }
    if (this.isOver && !this.isDue) this.forget();
  }
}
