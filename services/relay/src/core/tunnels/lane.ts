import type { NodeId } from '@causeway/protocol';
import type { BufferPool } from '../buffers.ts';
import type { Clock, Timers } from '../clock.ts';
import type { Counters } from '../counters.ts';
import { Deque } from '../deque.ts';
import type { SharedBytes } from '../shared-bytes.ts';
import type { TunnelAppendReply, TunnelStreams, TunnelWriter } from '../tunnel-ports.ts';
import type { EnvelopeBuilder, EnvelopeBuilders } from './envelope.ts';
import type { TunnelReason } from './far.ts';

/**
 * One envelope carries at most about this much: enough that its own cost is small beside that of its bytes, and little
 * enough that Redis and both event loops are not held up by it.
 */
const MAX_ENVELOPE_BYTES = 256 * 1024;
/** Appends that are under way at a time: while the store takes one, the next is on its way to it. */
const MOST_UNDER_WAY = 4;
const FIRST_RETRY_MS = 5;
const LAST_RETRY_MS = 250;
/** Tunnels end whose way was closed for so long: longer than a failover, and shorter than people wait. */
const DOWN_AFTER_MS = 10_000;
/** A node that makes no room for so long does not read its stream. */
const FULL_FOR_MS = 30_000;
/** After a silence of so long an empty envelope tells whether the store has lost the last one. */
const SILENCE_MS = 1000;
/** It is asked for so long after the last word as well: of a tunnel that is over here, only the other end would miss it. */
const LINGER_MS = 30_000;

/** An envelope whose append the store has not confirmed. */
interface Append {
  readonly sequence: number;
  readonly builder: EnvelopeBuilder;
  /** It was answered, but not taken: it will be sent again. */
  refused: boolean;
}

/** The end of a tunnel that is reached by a lane. */
export interface LaneEnd {
  /** It waits for its turn. */
  queued: boolean;
  readonly isDue: boolean;
  /** Adds what is due to an envelope, as much as one turn allows. */
  write(envelope: EnvelopeBuilder): void;
  /** Ends the tunnel for both. */
  fail(reason: TunnelReason): void;
  over(atOnce: boolean): void;
}

export interface LaneDeps {
  readonly self: NodeId;
  readonly streams: TunnelStreams;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly counters: Counters;
  readonly held: SharedBytes;
  readonly pool: BufferPool;
  readonly builders: EnvelopeBuilders;
  /** Bytes that may wait in the stream of a node. */
  readonly streamBytes: number;
  readonly isDead: (node: NodeId) => boolean;
  /** The node is gone for good: the lane is not used again. */
  readonly onGone: (lane: Lane) => void;
  /** What was under way to the node is lost: calls that wait for its answer may wait in vain. */
  readonly onReset: (lane: Lane) => void;
}

/**
 * The way of tunnels to one other node. A few appends are under way at a time; what is due meanwhile goes into the next,
 * each tunnel in turn. One that was not taken is sent again, and the other node puts them in order. Nothing is kept of
 * what the store has confirmed: where it loses that, all tunnels of the lane are closed, and the next run begins.
 */
export class Lane {
  readonly node: NodeId;
  readonly ends = new Set<LaneEnd>();
  private readonly deps: LaneDeps;
  private readonly controls = new Deque<Uint8Array>();
  private readonly due = new Deque<LaneEnd>();
  private readonly writer: TunnelWriter;
  private run = 1;
  private sequence = 0;
  /** In their order. */
  private underWay: Append[] = [];
  private scheduled = false;
  private failingSince = 0;
  private fullSince = 0;
  private retryMs = FIRST_RETRY_MS;
  private appendedAt: number;
  /** When something was last said, ms since 1970. */
  private saidAt = 0;
  private gone = false;

  constructor(node: NodeId, deps: LaneDeps) {
    this.node = node;
    this.deps = deps;
    this.writer = deps.streams.writer(node, deps.streamBytes);
    this.appendedAt = deps.clock.now();
  }

  get pool(): BufferPool {
    return this.deps.pool;
  }

  /** Everything that was said has been appended. */
  get isIdle(): boolean {
    return this.underWay.length === 0 && !this.speaks;
  }

  private get speaks(): boolean {
    return this.controls.length + this.due.length > 0;
  }

  /** Appends are not answered, or refused, at the moment. */
  get isFailing(): boolean {
    return this.failingSince !== 0 || this.fullSince !== 0;
  }

  /** Goes before all bytes. */
  control(frame: Uint8Array): void {
    if (this.gone) return;
    this.controls.push(frame);
    this.schedule();
  }

  enqueue(end: LaneEnd): void {
    if (this.gone || end.queued) return;
    end.queued = true;
    this.due.push(end);
    this.schedule();
  }

  /** An end holds `now` bytes where it held `before`. False: more than it may. */
  hold(before: number, now: number): boolean {
    return this.deps.held.change(before, now);
  }

  /** To be called every second. */
  beat(now: number): void {
    if (this.ends.size === 0 && now - this.saidAt >= LINGER_MS) return;
    if (!this.isIdle || now - this.appendedAt < SILENCE_MS) return;
    this.append();
  }

  /** All its tunnels end; what is said from now on belongs to the next run. */
  reset(reason: TunnelReason): void {
    this.run += 1;
    this.sequence = 0;
    this.giveUp();
    this.controls.clear();
    this.closeEnds(reason);
    this.deps.onReset(this);
    // The other node closes its ends when it hears of the new run.
    if (!this.gone) this.append();
  }

  /** The node is dead, or has left. */
  nodeGone(): void {
    if (this.gone) return;
    this.gone = true;
    this.giveUp();
    this.controls.clear();
    this.closeEnds('node_gone');
    this.due.clear();
    this.deps.onGone(this);
  }

  /** All tunnels end; the other node is told, as far as it does not know yet. */
  closeEnds(reason: TunnelReason): void {
    for (const end of [...this.ends]) {
      end.fail(reason);
      // Of one that is over here, what was said last had not left yet.
      end.over(true);
    }
  }

  /** What comes of the appends under way does not matter. Their builders may still be in use, and are not used again. */
  private giveUp(): void {
    for (const { builder } of this.underWay) this.hold(builder.length, 0);
    this.underWay = [];
  }

  /** At the end of the turn, so that what all packets and entries of it give rise to travels together. */
  private schedule(): void {
    if (this.scheduled || !this.mayAppend) return;
    this.scheduled = true;
    this.deps.timers.soon(() => {
      this.scheduled = false;
      while (this.speaks && this.mayAppend) this.append();
    });
  }

  private get mayAppend(): boolean {
    return !this.gone && !this.isFailing && this.underWay.length < MOST_UNDER_WAY;
  }

  /** Appends what is due, or nothing: an envelope is a question as well. */
  private append(): void {
    this.sequence += 1;
    const { due, run, sequence, speaks } = this;
    const builder = this.deps.builders.take();
    builder.begin(this.deps.self, { run, sequence, settled: (this.underWay[0]?.sequence ?? sequence) - 1 });
    while (builder.length < MAX_ENVELOPE_BYTES) {
      const frame = this.controls.shift();
      if (frame === undefined) break;
      builder.add(frame);
    }
    while (builder.length < MAX_ENVELOPE_BYTES) {
      const end = due.shift();
      if (end === undefined) break;
      end.write(builder);
      if (end.isDue) due.push(end);
      else end.queued = false;
    }
    this.appendedAt = this.deps.clock.now();
    if (speaks) this.saidAt = this.appendedAt;
    const append = { sequence, builder, refused: false };
    this.underWay.push(append);
    // What it holds was admitted when it came.
    this.hold(0, builder.length);
    this.send(append);
  }

  private send(append: Append): void {
    append.refused = false;
    this.writer.append(append.builder.bytes).then((reply) => {
      // It may have been given up.
      if (this.underWay.includes(append)) this.replied(append, reply);
    });
  }

  private replied(append: Append, reply: TunnelAppendReply): void {
    append.refused = reply.kind !== 'ok';
    switch (reply.kind) {
      case 'ok':
        return this.appended(append);
      case 'gone':
        return this.nodeGone();
      case 'full':
        return this.wait();
      case 'missing':
      case 'unavailable':
        return this.deps.isDead(this.node) ? this.nodeGone() : this.fail();
    }
  }

  private appended(append: Append): void {
    this.underWay.splice(this.underWay.indexOf(append), 1);
    this.hold(append.builder.length, 0);
    this.deps.builders.give(append.builder);
    // Those that were not taken come first.
    if (this.underWay.some(({ refused }) => refused)) return this.retry();
    this.failingSince = 0;
    this.fullSince = 0;
    this.retryMs = FIRST_RETRY_MS;
    if (this.speaks) this.schedule();
  }

  /** The stream is full, and so there. */
  private wait(): void {
    const now = this.deps.clock.now();
    this.failingSince = 0;
    if (this.fullSince === 0) this.fullSince = now;
    this.retryOrReset(now - this.fullSince >= FULL_FOR_MS);
  }

  private fail(): void {
    const now = this.deps.clock.now();
    if (this.failingSince === 0) this.failingSince = now;
    this.retryOrReset(now - this.failingSince >= DOWN_AFTER_MS);
  }

  private retryOrReset(isLate: boolean): void {
    if (this.ends.size > 0 && isLate) this.reset('unavailable');
    else this.retry();
  }

  private retry(): void {
    // Once each of them is answered.
    if (this.underWay.some(({ refused }) => !refused)) return;
    const { retryMs, run } = this;
    this.retryMs = Math.min(LAST_RETRY_MS, retryMs * 2);
    this.deps.timers.after(retryMs, () => {
      if (this.run !== run) return;
      for (const append of this.underWay) this.send(append);
    });
  }
}
