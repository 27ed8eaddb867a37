import type { NodeId } from '@causeway/protocol';
import { createLogger, type LogLevel, startTracing } from '@causeway/service-kit';
import packageJson from '../package.json' with { type: 'json' };
import type { Tracer } from './core/tracer.ts';

/** So long a process that ends waits for a collector that does not answer. */
const STOP_MS = 1000;

export interface RelayTracing {
  readonly tracer: (node: NodeId) => Tracer;
  stop(): Promise<void>;
}

/** Null where the environment does not ask for traces; the SDK of OpenTelemetry is not loaded then. */
export async function openTracing(logLevel: LogLevel): Promise<RelayTracing | null> {
  const logger = createLogger({ service: 'relay', level: logLevel });
  const tracing = await startTracing({ service: 'causeway-relay', version: packageJson.version, logger });
  if (tracing === null) return null;
  const { createTracer } = await import('./telemetry/tracer.ts');
  return { tracer: (node) => createTracer(tracing, node), stop: () => tracing.stop(STOP_MS) };
}
