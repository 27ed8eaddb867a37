import { SpanKind } from '@opentelemetry/api';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { expect, test } from 'vitest';
import { Recorder, type SpanType } from './recorder.ts';
import { serializeSpans } from './span-serializer.ts';

const SEND: SpanType = { name: 'send', kind: SpanKind.SERVER, attributes: { node: 'n1' } };
const HOP: SpanType = { name: 'hop', kind: SpanKind.CONSUMER, attributes: null };
const REMOTE = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };

function record(version?: string): { readonly recorder: Recorder; readonly spans: ReadableSpan[] } {
  const spans: ReadableSpan[] = [];
  const recorder = new Recorder({
    resource: resourceFromAttributes({ 'service.name': 'relay', 'process.pid': 7, args: ['--a', 'ü'], ok: true }),
    scope: version === undefined ? { name: 'scope' } : { name: 'scope', version },
    limits: { links: 128, attributes: null },
    ended: (span) => spans.push(span),
  });
  return { recorder, spans };
}

/** What OpenTelemetry makes of them. */
const theirs = (spans: ReadableSpan[]) => Buffer.from(ProtobufTraceSerializer.serializeRequest(spans) ?? []);

test('parents, links and failures are written as OpenTelemetry writes them', () => {
  const { recorder, spans } = record('1.2.3');
  const send = recorder.start(SEND, null);
  const hop = recorder.start(HOP, REMOTE, { link: REMOTE });
  hop.link(send);
  recorder.start(HOP, send).end({}, true);
  hop.end({});
  send.end({ outcome: 'delivered' });
  expect(Buffer.from(serializeSpans(spans))).toEqual(theirs(spans));
});

test.each(['', 'ascii', 'Grüße', '漢字 😀', 'x'.repeat(127), 'x'.repeat(128), 'ß'.repeat(70_000), true, false])(
  'a value is written as OpenTelemetry writes it: %#',
  (value) => {
    const { recorder, spans } = record();
    recorder.start(SEND, null).end({ before: 1, value, after: 2 });
    expect(Buffer.from(serializeSpans(spans))).toEqual(theirs(spans));
  },
);

test.each([0, 127, 128, 16_384, 2 ** 31, 2 ** 32, 2 ** 40 + 1, Number.MAX_SAFE_INTEGER, 0.5, -0.5])(
  'a number is written as OpenTelemetry writes it: %d',
  (value) => {
    const { recorder, spans } = record();
    recorder.start(SEND, null).end({ value });
    expect(Buffer.from(serializeSpans(spans))).toEqual(theirs(spans));
  },
);

test.each([0, 1, 999, 1_000, 4_294_967_295, 1_764_540_000_123, 4_102_444_800_999])(
  'a time is written as OpenTelemetry writes it: %d ms',
  (startedAt) => {
    const { recorder, spans } = record();
    recorder.start(HOP, REMOTE, { startedAt }).end({});
    expect(Buffer.from(serializeSpans(spans))).toEqual(theirs(spans));
  },
);

test('a batch of many keeps their order', () => {
  const { recorder, spans } = record();
  for (let i = 0; i < 2_000; i += 1) recorder.start(SEND, null).end({ number: i, peer: `peer-${i}` });
  expect(Buffer.from(serializeSpans(spans)).equals(theirs(spans))).toBe(true);
  expect(serializeSpans([])).toHaveLength(0);
});
