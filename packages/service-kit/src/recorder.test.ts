import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { hrTimeToMilliseconds } from '@opentelemetry/core';
import { emptyResource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { expect, test } from 'vitest';
import { Recorder, type SpanType } from './recorder.ts';
import type { SpanLimits } from './span-limits.ts';

const SEND: SpanType = { name: 'send', kind: SpanKind.SERVER, attributes: { node: 'n1' } };
const DELIVER: SpanType = { name: 'deliver', kind: SpanKind.CLIENT, attributes: null };
const REMOTE = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };

function setUp(limits: SpanLimits = { links: 128, attributes: null }) {
  const ended: ReadableSpan[] = [];
  const recorder = new Recorder({
    resource: emptyResource(),
    scope: { name: 'test' },
    limits,
    ended: (span) => ended.push(span),
  });
  return { recorder, ended };
}

test('what begins without a parent is a trace by itself, and no two have an id in common', () => {
  const { recorder } = setUp();
  const spans = Array.from({ length: 1000 }, () => recorder.start(SEND, null));
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1000);
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(1000);
  for (const { traceId, spanId, parentSpanContext } of spans) {
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(spanId).toMatch(/^[0-9a-f]{16}$/);
    expect(parentSpanContext).toBeUndefined();
  }
});

test('a part has the trace of its parent, which is remote unless it is recorded here', () => {
  const { recorder } = setUp();
  const send = recorder.start(SEND, REMOTE);
  const deliver = recorder.start(DELIVER, send);
  expect([send.traceId, deliver.traceId]).toEqual([REMOTE.traceId, REMOTE.traceId]);
  expect(send.parentSpanContext).toMatchObject({ ...REMOTE, isRemote: true });
  expect(deliver.parentSpanContext?.spanId).toBe(send.spanId);
  expect(deliver.parentSpanContext?.isRemote).toBeUndefined();
});

test('a span is told of once, when it ends, with what it says by its type and what it ends with', () => {
  const { recorder, ended } = setUp();
  const send = recorder.start(SEND, null);
  const deliver = recorder.start(DELIVER, send);
  expect(ended).toEqual([]);
  deliver.end({ outcome: 'offline' }, true);
  send.end({ outcome: 'delivered' });
  send.end({ outcome: 'again' }, true);
  send.link(REMOTE);
  expect(ended).toEqual([deliver, send]);
  expect(ended.map(({ attributes, status, links }) => [attributes, status.code, links])).toEqual([
    [{ outcome: 'offline' }, SpanStatusCode.ERROR, []],
    [{ node: 'n1', outcome: 'delivered' }, SpanStatusCode.UNSET, []],
  ]);
});

test('nothing ends before it begins', () => {
  const { recorder } = setUp();
  const startedAt = Date.now() + 3_600_000;
  const spans = [recorder.start(SEND, null), recorder.start(SEND, null, { startedAt })];
  for (const span of spans) span.end({});
  expect(hrTimeToMilliseconds(spans[1]?.startTime ?? [0, 0])).toBe(startedAt);
  for (const { startTime, endTime, duration } of spans) {
    expect(hrTimeToMilliseconds(endTime)).toBeGreaterThanOrEqual(hrTimeToMilliseconds(startTime));
    expect(duration[0]).toBe(0);
  }
});

test('limits: the oldest links go, the last attributes, and the ends of values', () => {
  const { recorder } = setUp({ links: 2, attributes: { attributeCountLimit: 2, attributeValueLengthLimit: 3 } });
  const spanIds = ['1', '2', '3'].map((digit) => digit.repeat(16));
  const span = recorder.start(SEND, null);
  for (const spanId of spanIds) span.link({ ...REMOTE, spanId });
  span.end({ realm: 'abcdef', outcome: 'delivered' });
  expect(span.links.map(({ context }) => context.spanId)).toEqual(spanIds.slice(1));
  expect(span.attributes).toEqual({ node: 'n1', realm: 'abc' });
  expect([span.droppedLinksCount, span.droppedAttributesCount]).toEqual([1, 1]);
});
