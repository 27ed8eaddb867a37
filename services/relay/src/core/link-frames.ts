import type { NodeId } from '@causeway/protocol';
import { Deque } from './deque.ts';
import type { LoggedEntry } from './inbox-log.ts';
import type { Message } from './message.ts';
import { readMessageFrame } from './node-frame-reader.ts';
import { encodeEmpty, NodeFrame } from './node-frames.ts';

/** One append carries at most this much, so that one entry never holds up its reader for long. */
const MAX_BATCH_BYTES = 512 * 1024;
const MAX_BATCH_FRAMES = 1024;

export interface Frame {
  bytes: Buffer;
  readonly sequence: number;
  /** The message it carries, to be refused or routed anew if the frame is taken back; null once it is appended. */
  message: Message | null;
  /** Entries of this node's inbox that the receipts in it settle. */
  settles: readonly LoggedEntry[] | null;
  /** Whether the other node should acknowledge it; a probe and its answer need none, or they would never end. */
  readonly wantsAck: boolean;
}

/**
 * The frames of one link, in the order of their sequence: those that are appended and not acknowledged, then the batch
 * that is being appended, then those that wait.
 */
export class LinkFrames {
  /** Bytes of all frames that are held. */
  bytes = 0;
  /** Sequence of the last frame there is. */
  last = 0;
  /** Everything up to this one has been read by the other node. */
  acked = 0;
  /** Frames that should be acknowledged. */
  wantedAcks = 0;
  batch: Frame[] | null = null;
  private readonly waiting = new Deque<Frame>();
  private readonly unacked = new Deque<Frame>();

  get count(): number {
    return this.unappended + this.unacked.length;
  }

  /** Frames whose append is not confirmed. */
  get unappended(): number {
    return this.waiting.length + (this.batch?.length ?? 0);
  }

  get hasWaiting(): boolean {
    return this.waiting.length > 0;
  }

  /** What `bytes` should be, counted anew. */
  countBytes(): number {
    let bytes = 0;
    for (const frame of this.all()) bytes += frame.bytes.length;
    return bytes;
  }

  add(bytes: Buffer, message: Message | null, settles: readonly LoggedEntry[] | null, wantsAck: boolean): void {
    this.last += 1;
    this.waiting.push({ bytes, sequence: this.last, message, settles, wantsAck });
    this.bytes += bytes.length;
    if (wantsAck) this.wantedAcks += 1;
  }

  takeBatch(): void {
    const batch: Frame[] = [];
    let bytes = 0;
    for (let frame = this.waiting.peek(); frame !== undefined; frame = this.waiting.peek()) {
      if (batch.length > 0 && bytes + frame.bytes.length > MAX_BATCH_BYTES) break;
      this.waiting.shift();
      batch.push(frame);
      bytes += frame.bytes.length;
      if (batch.length === MAX_BATCH_FRAMES) break;
    }
    this.batch = batch;
  }

  /** The batch has been appended. */
  confirmBatch(): void {
    const batch = this.batch as Frame[];
    this.batch = null;
    for (const frame of batch) this.confirm(frame);
  }

  acknowledge(sequence: number): void {
    if (sequence <= this.acked) return;
    this.acked = sequence;
    for (
      let frame = this.unacked.peek();
      frame !== undefined && frame.sequence <= sequence;
      frame = this.unacked.peek()
    ) {
      this.unacked.shift();
      this.forget(frame);
    }
  }

  /** Everything from this frame on waits again, the batch included. */
  rewind(first: number): void {
    const batch = this.batch as Frame[];
    this.batch = null;
    for (const frame of batch) if (frame.sequence < first) this.confirm(frame);
    for (const frame of batch.reverse()) if (frame.sequence >= first) this.waiting.unshift(frame);
    const kept = [...this.unacked];
    this.unacked.clear();
    for (const frame of kept) if (frame.sequence < first) this.unacked.push(frame);
    for (const frame of kept.reverse()) if (frame.sequence >= first) this.waiting.unshift(frame);
  }

  /** The messages of the batch, in order; empty frames stand in for them. */
  takeBackBatch(): Message[] {
    return this.takeBack(this.batch ?? []);
  }

  /** The messages that wait behind the batch, in order; empty frames stand in for them. */
  takeBackWaiting(): Message[] {
    return this.takeBack(this.waiting);
  }

  /** The messages above `last`, in order: as far as the frames of appended ones tell. */
  messagesAbove(last: number, origin: NodeId): Message[] {
    const messages: Message[] = [];
    for (const { sequence, bytes } of this.all()) {
      const message = sequence > last ? readMessageFrame(bytes, origin) : null;
      if (message !== null) messages.push(message);
    }
    return messages;
  }

  /** What the receipts settle that will never be appended, is settled. */
  clear(): void {
    for (const frame of this.all()) settle(frame.settles);
    this.batch = null;
    this.waiting.clear();
    this.unacked.clear();
    this.bytes = 0;
    this.wantedAcks = 0;
  }

  private *all(): Iterable<Frame> {
    yield* this.unacked;
    yield* this.batch ?? [];
    yield* this.waiting;
  }

  private confirm(frame: Frame): void {
    if (frame.sequence <= this.acked) this.forget(frame);
    else this.unacked.push(frame);
    settle(frame.settles);
    frame.settles = null;
    frame.message = null;
  }

  private forget(frame: Frame): void {
    this.bytes -= frame.bytes.length;
    if (frame.wantsAck) this.wantedAcks -= 1;
  }

  private takeBack(frames: Iterable<Frame>): Message[] {
    const messages: Message[] = [];
    for (const frame of frames) {
      if (frame.message === null) continue;
      messages.push(frame.message);
      this.bytes -= frame.bytes.length;
      frame.bytes = encodeEmpty(NodeFrame.none);
      this.bytes += frame.bytes.length;
      frame.message = null;
    }
    return messages;
  }
}

export function settle(entries: readonly LoggedEntry[] | null): void {
  if (entries !== null) for (const entry of entries) entry.unsettled -= 1;
}
