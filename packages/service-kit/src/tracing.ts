import type { Environment } from './config.ts';
import type { SpanType } from './recorder.ts';
import type { Tracing, TracingOptions } from './tracing-sdk.ts';

export type { SpanType, Tracing, TracingOptions };

/** Whether the environment asks for traces: it names an exporter or an address for them, and does not say otherwise. */
export function wantsTracing(env: Environment): boolean {
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') return false;
  const exporters = env.OTEL_TRACES_EXPORTER?.trim() ?? '';
  if (exporters !== '') return exporters !== 'none';
  return Boolean(env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT);
}

/**
 * Starts OpenTelemetry by the OTEL_* variables of this process; null where they do not ask for traces. Its SDK is not
 * even loaded then, which would take a third of a second.
 */
export async function startTracing(options: TracingOptions): Promise<Tracing | null> {
  if (!wantsTracing(process.env)) return null;
  const { startSdk } = await import('./tracing-sdk.ts');
  return startSdk(options);
}
