import type {
  ChildOptions,
  Span,
  SpanAttributes,
  SpanName,
  TraceContext,
  Tracer,
  TraceStarts,
} from '../../services/relay/src/core/tracer.ts';

export interface Recorded {
  readonly name: SpanName;
  readonly context: TraceContext;
  /** Null: a trace begins here. */
  readonly parent: TraceContext | null;
  readonly startedAt: number | undefined;
  readonly links: readonly TraceContext[];
  readonly attributes: SpanAttributes;
  readonly failed: boolean;
}

let lastId = 0;

function newId(digits: number): string {
  lastId += 1;
  return lastId.toString(16).padStart(digits, '0');
}

/** Keeps what it is told, and counts how often it is called. */
export class RecordingTracer implements Tracer {
  /** Those that have ended, in that order. */
  readonly spans: Recorded[] = [];
  /** Names of those that have not. */
  readonly open: SpanName[] = [];
  calls = 0;
  /** Whether what begins is recorded. */
  sampled = true;

  connection(traceparent: string | undefined): TraceStarts {
    this.calls += 1;
    const [, traceId = '', spanId = ''] = traceparent?.split('-') ?? [];
    const parent = traceparent === undefined ? null : { traceId, spanId };
    return {
      begin: (name) => {
        this.calls += 1;
        return this.sampled ? this.start(name, parent, {}) : null;
      },
    };
  }

  child(name: SpanName, parent: TraceContext, options: ChildOptions = {}): Span {
    this.calls += 1;
    return this.start(name, parent, options);
  }

  named(name: SpanName): Recorded[] {
    return this.spans.filter((span) => span.name === name);
  }

  /** @throws Error in the hands of the core, when it ends a span twice */
  private start(name: SpanName, parent: TraceContext | null, { startedAt, link }: ChildOptions): Span {
    const context = { traceId: parent?.traceId ?? newId(32), spanId: newId(16) };
    const links = link === undefined ? [] : [link];
    let isOpen = true;
    this.open.push(name);
    return {
      ...context,
      link: (to) => {
        if (!isOpen) throw new Error(`${name} is linked after its end`);
        this.calls += 1;
        links.push(to);
      },
      end: (attributes, failed = false) => {
        if (!isOpen) throw new Error(`${name} ends twice`);
        isOpen = false;
        this.calls += 1;
        this.open.splice(this.open.indexOf(name), 1);
        this.spans.push({ name, context, parent, startedAt, links, attributes, failed });
      },
    };
  }
}
