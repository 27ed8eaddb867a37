import type { NodeId } from '@causeway/protocol';
import type { Clock } from './clock.ts';
import type { Counters } from './counters.ts';
import type { LoggedEntry } from './inbox-log.ts';
import { type FieldReader, readTrace } from './node-frame-reader.ts';
import type { Span, TraceContext, Tracer } from './tracer.ts';

interface Announced {
  /** Of the frame that it is about. */
  readonly sequence: number;
  readonly context: TraceContext;
}

/**
 * Traces the way of messages through this node's inbox, from the append of their entry to its reading. Messages that
 * travelled in one entry have waited for each other: the first that is traced is linked with each of the others.
 */
export class Hops {
  private readonly tracer: Tracer;
  private readonly clock: Clock;
  private readonly counters: Counters;
  /** By the node that says it. The frame that it is about may be in the entry behind. */
  private readonly announced = new Map<NodeId, Announced>();
  /** The first of the entry that is being read; open, because it may yet be linked. */
  private first: { readonly span: Span; readonly source: NodeId; readonly sent: TraceContext } | null = null;

  constructor(tracer: Tracer, clock: Clock, counters: Counters) {
    this.tracer = tracer;
    this.clock = clock;
    this.counters = counters;
  }

  /** A frame that says to which trace the one behind it belongs. */
  announce(source: NodeId, sequence: number, body: FieldReader): void {
    this.announced.set(source, { sequence: sequence + 1, context: readTrace(body) });
  }

  /** The hop of the message in this frame; null for one that is not traced. */
  take({ source, appendedAt }: LoggedEntry, sequence: number): TraceContext | null {
    // Asked of every message: to look for its node takes longer.
    if (this.announced.size === 0) return null;
    const announced = this.announced.get(source);
    if (announced === undefined) return null;
    this.announced.delete(source);
    if (announced.sequence !== sequence) return null;
    const { context } = announced;
    const now = this.clock.now();
    this.counters.inboxLag.exemplify(Math.max(0, now - appendedAt), context.traceId, now);
    // Both clocks are right only to some milliseconds, and nothing ends before it begins.
    return this.hop(source, context, Math.min(appendedAt, now));
  }

  /** The entry has been read. */
  done(): void {
    this.first?.span.end({ 'causeway.from_node': this.first.source });
    this.first = null;
  }

  private hop(source: NodeId, sent: TraceContext, startedAt: number): TraceContext {
    if (this.first === null) {
      this.first = { span: this.tracer.child('hop', sent, { startedAt }), source, sent };
      return this.first.span;
    }
    const span = this.tracer.child('hop', sent, { startedAt, link: this.first.sent });
    this.first.span.link(sent);
    span.end({ 'causeway.from_node': source });
    return span;
  }
}
