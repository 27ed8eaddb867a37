import { OTLPExporterBase } from '@opentelemetry/otlp-exporter-base';
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from '@opentelemetry/otlp-exporter-base/node-http';
import { ProtobufTraceSerializer, TraceExporterMetricsHelper } from '@opentelemetry/otlp-transformer';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { serializeSpans } from './span-serializer.ts';

/** As OpenTelemetry calls it in metrics of its own, which nobody reads here. */
const COMPONENT = 'otlp_http_span_exporter';

/** OpenTelemetry's exporter by OTLP over HTTP, as the environment sets it up, but for what puts spans into bytes. */
export function createProtobufExporter(): SpanExporter {
  const options = convertLegacyHttpOptions({}, 'TRACES', 'v1/traces', { 'Content-Type': 'application/x-protobuf' });
  const serializer = {
    serializeRequest: (spans: ReadableSpan[]) => serializeSpans(spans),
    deserializeResponse: (data: Uint8Array) => ProtobufTraceSerializer.deserializeResponse(data),
  };
  const delegate = createOtlpHttpExportDelegate(options, serializer, COMPONENT, TraceExporterMetricsHelper, undefined);
  return new OTLPExporterBase(delegate);
}
