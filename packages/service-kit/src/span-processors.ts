import { diag } from '@opentelemetry/api';
import { getNumberFromEnv, getStringFromEnv, getStringListFromEnv } from '@opentelemetry/core';
import {
  BatchSpanProcessor,
  ConsoleSpanExporter,
  SimpleSpanProcessor,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace';

/** By protocol; each is loaded only where it is used. */
const EXPORTERS = new Map<string, () => Promise<SpanExporter>>([
  ['http/protobuf', async () => (await import('./span-exporter.ts')).createProtobufExporter()],
  ['http/json', async () => new (await import('@opentelemetry/exporter-trace-otlp-http')).OTLPTraceExporter()],
  ['grpc', async () => new (await import('@opentelemetry/exporter-trace-otlp-grpc')).OTLPTraceExporter()],
]);
const DEFAULT_PROTOCOL = 'http/protobuf';

/** Where spans go, by OTEL_TRACES_EXPORTER and what the environment says of each exporter. */
export async function processorsFromEnv(): Promise<SpanProcessor[]> {
  const names = new Set(getStringListFromEnv('OTEL_TRACES_EXPORTER') ?? []);
  if (names.size === 0) names.add('otlp');
  const processors: SpanProcessor[] = [];
  for (const name of names) {
    if (name === 'otlp') processors.push(inBatches(await otlpExporter()));
    else if (name === 'console') processors.push(new SimpleSpanProcessor({ exporter: new ConsoleSpanExporter() }));
    else diag.warn(`OTEL_TRACES_EXPORTER: "${name}" is not known; otlp, console and none are`);
  }
  return processors;
}

async function otlpExporter(): Promise<SpanExporter> {
  const given =
    getStringFromEnv('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ?? getStringFromEnv('OTEL_EXPORTER_OTLP_PROTOCOL');
  const protocol = given?.trim() ?? DEFAULT_PROTOCOL;
  const load = EXPORTERS.get(protocol);
  if (load !== undefined) return load();
  diag.warn(`OTEL_EXPORTER_OTLP_PROTOCOL: "${protocol}" is not known, ${DEFAULT_PROTOCOL} is used`);
  return (EXPORTERS.get(DEFAULT_PROTOCOL) as () => Promise<SpanExporter>)();
}

function inBatches(exporter: SpanExporter): SpanProcessor {
  return new BatchSpanProcessor({
    exporter,
    ...given('maxQueueSize', 'OTEL_BSP_MAX_QUEUE_SIZE'),
    ...given('maxExportBatchSize', 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE'),
    ...given('scheduledDelayMillis', 'OTEL_BSP_SCHEDULE_DELAY'),
    ...given('exportTimeoutMillis', 'OTEL_BSP_EXPORT_TIMEOUT'),
  });
}

/** Nothing where it is not set to a number above zero. */
function given<Name extends string>(name: Name, variable: string): { readonly [name in Name]?: number } {
  const value = getNumberFromEnv(variable);
  if (value === undefined || value > 0)
    return value === undefined ? {} : ({ [name]: value } as { [name in Name]: number });
  diag.warn(`${variable} is ${value}, not above 0: the default is used`);
  return {};
}
