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

const SPAN_NAMES = Object.keys(SPANS) as SpanName[];
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
  const own = { attributes: { [NODE_ATTRIBUTE]: node } };
  const withNode = (name: SpanName) => (SPANS[name].attributes.includes(NODE_ATTRIBUTE) ? own : {});
  const options = Object.fromEntries(
    SPAN_NAMES.map((name) => [name, { kind: KINDS[SPANS[name].kind], ...withNode(name) }]),
  ) as Readonly<Record<SpanName, SpanOptions>>;
  const start = (name: SpanName, parent: Context, more?: SpanOptions): Span => {
    const all = more === undefined ? options[name] : { ...more, ...options[name] };
    return new RecordedSpan(tracer.startSpan(`causeway.${name}`, all, parent));
  };
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

function toSpanOptions(options: ChildOptions | undefined): SpanOptions | undefined {
  if (options === undefined) return undefined;
  const { startedAt, link } = options;
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
