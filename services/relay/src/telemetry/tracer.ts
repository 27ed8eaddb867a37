import type { NodeId } from '@causeway/protocol';
import type { Tracing } from '@causeway/service-kit';
import {
  type Context,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';
import type {
  ChildOptions,
  Span,
  SpanAttributes,
  SpanName,
  TraceContext,
  Tracer,
  TraceStarts,
} from '../core/tracer.ts';
import { NODE_ATTRIBUTE, SPANS, type SpanKindName } from './span-table.ts';

const KINDS: Readonly<Record<SpanKindName, SpanKind>> = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
};

const NEVER: TraceStarts = { begin: () => null };

class RecordedSpan implements Span {
  readonly traceId: string;
  readonly spanId: string;
  private readonly span: OtelSpan;

  constructor(span: OtelSpan) {
    const { traceId, spanId } = span.spanContext();
    this.traceId = traceId;
    this.spanId = spanId;
    this.span = span;
  }

  link(to: TraceContext): void {
    this.span.addLink({ context: spanContext(to) });
  }

  end(attributes: SpanAttributes, failed = false): void {
    this.span.setAttributes(attributes);
    if (failed) this.span.setStatus({ code: SpanStatusCode.ERROR });
    this.span.end();
  }
}

/** Records what one node does. */
export function createTracer({ tracer, sampling }: Tracing, node: NodeId): Tracer {
  const attributes = { [NODE_ATTRIBUTE]: node };
  const start = (name: SpanName, parent: Context, options: SpanOptions = {}): Span =>
    new RecordedSpan(
      tracer.startSpan(`causeway.${name}`, { ...options, kind: KINDS[SPANS[name].kind], attributes }, parent),
    );
  const roots: TraceStarts = { begin: (name) => (sampling.root() ? start(name, ROOT_CONTEXT) : null) };
  return {
    connection(traceparent) {
      const remote = traceparent === undefined ? null : parseTraceParent(traceparent);
      if (remote === null) return roots;
      const sampled = (remote.traceFlags & TraceFlags.SAMPLED) !== 0;
      if (!sampling.part({ traceId: remote.traceId, sampled })) return NEVER;
      const parent = contextOf(remote);
      return { begin: (name) => start(name, parent) };
    },
    child: (name, parent, options) => start(name, contextOf(parent), toSpanOptions(options)),
  };
}

function toSpanOptions({ startedAt, link }: ChildOptions = {}): SpanOptions {
  return {
    ...(startedAt === undefined ? {} : { startTime: startedAt }),
    ...(link === undefined ? {} : { links: [{ context: spanContext(link) }] }),
  };
}

function contextOf(parent: TraceContext): Context {
  return trace.setSpanContext(ROOT_CONTEXT, { ...spanContext(parent), isRemote: true });
}

/** Only what is recorded is passed on. */
function spanContext({ traceId, spanId }: TraceContext) {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
}
