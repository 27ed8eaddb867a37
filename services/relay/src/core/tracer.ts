/**
 * What the core says of its work to whoever records traces; `telemetry/` implements it. Without tracing there is no
 * Tracer, and all that is left of it on the way of a message are comparisons with null.
 */

/** Where something is in a trace that is recorded: what W3C calls a trace context. */
export interface TraceContext {
  /** 32 hexadecimal digits in lower case. */
  readonly traceId: string;
  /** 16 of them. */
  readonly spanId: string;
}

/** What is recorded; `telemetry/span-table.ts` says of each what it tells. */
export type SpanName =
  | 'register'
  | 'send'
  | 'hop'
  | 'deliver'
  | 'mailbox_store'
  | 'mailbox_drain'
  | 'room_open'
  | 'tunnel_open';

/** Under the names of `telemetry/span-table.ts`. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** Something that takes its time, and is recorded. */
export interface Span extends TraceContext {
  /** Says that it has to do with something of another trace. */
  link(to: TraceContext): void;
  /** To be called once. `failed`: it did not come to what it was for. */
  end(attributes: SpanAttributes, failed?: boolean): void;
}

/** What one connection of a client gives rise to. */
export interface TraceStarts {
  /** Null where it is not recorded, which is for the sampling to say. */
  begin(name: SpanName): Span | null;
}

export interface ChildOptions {
  /** Milliseconds since 1970; now, where it is left out. */
  readonly startedAt?: number;
  readonly link?: TraceContext;
}

export interface Tracer {
  /** @param traceparent what the client says that its connection is part of; ignored where it is no W3C traceparent */
  connection(traceparent: string | undefined): TraceStarts;
  /** A part of what is recorded; it always is, too. */
  child(name: SpanName, parent: TraceContext, options?: ChildOptions): Span;
}

/** Names under which log records tell of the trace that they belong to. */
export function traceFields(context: TraceContext | null): { trace_id?: string; span_id?: string } {
  return context === null ? {} : { trace_id: context.traceId, span_id: context.spanId };
}

/** A span for each message that is traced; null where none is, as in most batches. */
export function startEach(
  tracer: Tracer | null,
  name: SpanName,
  messages: readonly { readonly trace: TraceContext | null }[],
): readonly Span[] | null {
  if (tracer === null) return null;
  let spans: Span[] | null = null;
  for (const { trace } of messages) {
    if (trace === null) continue;
    spans ??= [];
    spans.push(tracer.child(name, trace));
  }
  return spans;
}

export function endEach(spans: readonly Span[] | null, attributes: SpanAttributes, failed = false): void {
  if (spans !== null) for (const span of spans) span.end(attributes, failed);
}
