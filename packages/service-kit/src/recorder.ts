import {
  type Attributes,
  type HrTime,
  type Link,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
  SpanStatusCode,
  TraceFlags,
} from '@opentelemetry/api';
import { cleanAttributes, hrTimeDuration, type InstrumentationScope, millisToHrTime } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { RandomIds } from './random-ids.ts';
import type { SpanLimits } from './span-limits.ts';

const UNSET: SpanStatus = { code: SpanStatusCode.UNSET };
const ERROR: SpanStatus = { code: SpanStatusCode.ERROR };
/** Shared by all spans that have none of something. */
const NONE: never[] = [];
const NO_ATTRIBUTES: Attributes = {};

/** What is recorded, and where it goes. */
export interface Recording {
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
  readonly limits: SpanLimits;
  /** Is told of each span as it ends. */
  readonly ended: (span: ReadableSpan) => void;
}

/** Where something is in a trace that is recorded. */
export interface SpanIds {
  readonly traceId: string;
  readonly spanId: string;
}

/** What is known of all spans of a kind. */
export interface SpanType {
  readonly name: string;
  readonly kind: SpanKind;
  /** What each of them says besides what it ends with. */
  readonly attributes: Attributes | null;
}

export interface StartOptions {
  /** Milliseconds since 1970; now, where it is left out. */
  readonly startedAt?: number;
  readonly link?: SpanIds;
}

/**
 * Makes spans for the processors and exporters of OpenTelemetry. Those of its SDK are for any caller: they take a context,
 * ask a sampler, and check each attribute twice. Here all of that is known before.
 */
export class Recorder {
  private readonly recording: Recording;
  private readonly ids = new RandomIds();

  constructor(recording: Recording) {
    this.recording = recording;
  }

  start(type: SpanType, parent: SpanIds | null, options?: StartOptions): RecordedSpan {
    const traceId = parent === null ? this.ids.trace() : parent.traceId;
    const span = new RecordedSpan(
      this.recording,
      type,
      { traceId, spanId: this.ids.span() },
      parent,
      options?.startedAt,
    );
    if (options?.link !== undefined) span.link(options.link);
    return span;
  }
}

/** Is its own context, so that there is none to be made. */
export class RecordedSpan implements ReadableSpan, SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags = TraceFlags.SAMPLED;
  readonly parentSpanContext?: SpanContext;
  status = UNSET;
  attributes = NO_ATTRIBUTES;
  links: Link[] = NONE;
  ended = false;
  droppedAttributesCount = 0;
  droppedLinksCount = 0;
  private readonly recording: Recording;
  private readonly type: SpanType;
  /** Milliseconds since 1970. */
  private readonly startedAt: number;
  private endedAt = 0;
  /** Milliseconds by a clock that nobody sets; null where something else said when it began. */
  private readonly mark: number | null;

  constructor(recording: Recording, type: SpanType, own: SpanIds, parent: SpanIds | null, startedAt?: number) {
    this.recording = recording;
    this.type = type;
    this.traceId = own.traceId;
    this.spanId = own.spanId;
    if (parent !== null) this.parentSpanContext = contextOf(parent);
    this.mark = startedAt === undefined ? performance.now() : null;
    this.startedAt = startedAt ?? Date.now();
  }

  /** Says that it has to do with something of another trace. The limit of links goes for the oldest. */
  link(to: SpanIds): void {
    if (this.ended) return;
    if (this.links === NONE) this.links = [];
    this.links.push({ context: { traceId: to.traceId, spanId: to.spanId, traceFlags: TraceFlags.SAMPLED } });
    if (this.links.length <= this.recording.limits.links) return;
    this.links.shift();
    this.droppedLinksCount += 1;
  }

  /** Only the first call counts. */
  end(attributes: Attributes, failed = false): void {
    if (this.ended) return;
    this.ended = true;
    const { limits, ended } = this.recording;
    this.attributes = this.type.attributes === null ? attributes : { ...this.type.attributes, ...attributes };
    if (limits.attributes !== null) this.limit(limits.attributes);
    if (failed) this.status = ERROR;
    const elapsed = this.mark === null ? Date.now() - this.startedAt : performance.now() - this.mark;
    this.endedAt = this.startedAt + Math.max(0, elapsed);
    ended(this);
  }

  private limit(limits: NonNullable<SpanLimits['attributes']>): void {
    const { attributes = NO_ATTRIBUTES, droppedAttributesCount = 0 } = cleanAttributes(this.attributes, limits);
    this.attributes = attributes;
    this.droppedAttributesCount = droppedAttributesCount;
  }

  spanContext(): SpanContext {
    return this;
  }

  get name(): string {
    return this.type.name;
  }

  get kind(): SpanKind {
    return this.type.kind;
  }

  get resource(): Resource {
    return this.recording.resource;
  }

  get instrumentationScope(): InstrumentationScope {
    return this.recording.scope;
  }

  get startTime(): HrTime {
    return millisToHrTime(this.startedAt);
  }

  get endTime(): HrTime {
    return millisToHrTime(this.endedAt);
  }

  get duration(): HrTime {
    return hrTimeDuration(this.startTime, this.endTime);
  }

  get events(): never[] {
    return NONE;
  }

  get droppedEventsCount(): number {
    return 0;
  }
}

function contextOf(parent: SpanIds): SpanContext {
  if (parent instanceof RecordedSpan) return parent;
  return { traceId: parent.traceId, spanId: parent.spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true };
}
