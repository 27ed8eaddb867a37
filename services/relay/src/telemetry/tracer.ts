import type { NodeId } from '@causeway/protocol';
import type { SpanType, Tracing } from '@causeway/service-kit';
import { SpanKind, TraceFlags } from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';
import type { SpanName, Tracer, TraceStarts } from '../core/tracer.ts';
import { NODE_ATTRIBUTE, SPANS, type SpanKindName } from './span-table.ts';

const KINDS: Readonly<Record<SpanKindName, SpanKind>> = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
};

const SPAN_NAMES = Object.keys(SPANS) as SpanName[];
const NEVER: TraceStarts = { begin: () => null };

/** Records what one node does. */
export function createTracer({ recorder, sampling }: Tracing, node: NodeId): Tracer {
  const types = Object.fromEntries(SPAN_NAMES.map((name) => [name, typeOf(name, node)])) as Readonly<
    Record<SpanName, SpanType>
  >;
  const roots: TraceStarts = { begin: (name) => (sampling.root() ? recorder.start(types[name], null) : null) };
  return {
    connection(traceparent) {
      const remote = traceparent === undefined ? null : parseTraceParent(traceparent);
      if (remote === null) return roots;
      const sampled = (remote.traceFlags & TraceFlags.SAMPLED) !== 0;
      if (!sampling.part({ traceId: remote.traceId, sampled })) return NEVER;
      return { begin: (name) => recorder.start(types[name], remote) };
    },
    child: (name, parent, options) => recorder.start(types[name], parent, options),
  };
}

function typeOf(name: SpanName, node: NodeId): SpanType {
  const { kind, attributes } = SPANS[name];
  return {
    name: `causeway.${name}`,
    kind: KINDS[kind],
    attributes: attributes.includes(NODE_ATTRIBUTE) ? { [NODE_ATTRIBUTE]: node } : null,
  };
}
