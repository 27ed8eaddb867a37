import { type DiagLogger, DiagLogLevel, diag, type Tracer, trace } from '@opentelemetry/api';
import { diagLogLevelFromString } from '@opentelemetry/core';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { AlwaysOnSampler, StackContextManager } from '@opentelemetry/sdk-trace';
import type { Logger } from './logger.ts';
import { Sampling } from './sampling.ts';

/** The same trouble with an exporter is logged once in this time. */
const REPEAT_MS = 60_000;

export interface TracingOptions {
  /** What the service is called where the environment does not say. */
  readonly service: string;
  readonly version: string;
  readonly logger: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
}

/** OpenTelemetry as it was set up by the environment. */
export interface Tracing {
  /** Records whatever is begun with it: whether it should be is asked of `sampling` before. */
  readonly tracer: Tracer;
  readonly sampling: Sampling;
  /** Sends what has not been sent, for which it has so many milliseconds. */
  stop(ms: number): Promise<void>;
}

/** To be called once in a process: the SDK is global. */
export function startSdk({ service, version, logger }: TracingOptions): Tracing {
  const sampling = Sampling.fromEnv(process.env, (message) => logger.warn(message));
  const resource = resourceFromAttributes({ 'service.name': service, 'service.version': version });
  const sdk = new NodeSDK({
    // What the environment says of the service counts more.
    resource: defaultResource().merge(resource),
    // Decided before, by `sampling`.
    sampler: new AlwaysOnSampler(),
    // Spans are handed on by hand. A context that follows every promise by itself would slow all of them down.
    contextManager: new StackContextManager(),
    textMapPropagator: null,
    metricReaders: [],
    logRecordProcessors: [],
  });
  const logLevel = diagLogLevelFromString(process.env.OTEL_LOG_LEVEL) ?? DiagLogLevel.INFO;
  diag.setLogger(toLog(logger), { logLevel, suppressOverrideMessage: true });
  sdk.start();
  return {
    tracer: trace.getTracer(service, version),
    sampling,
    stop: (ms) => stop(sdk, ms, logger),
  };
}

async function stop(sdk: NodeSDK, ms: number, logger: TracingOptions['logger']): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`not within ${ms} ms`), ms);
  });
  const stopped = sdk.shutdown().then(() => null, String);
  const reason = await Promise.race([stopped, late]);
  clearTimeout(timer);
  if (reason !== null) logger.warn({ reason }, 'the last traces could not be sent');
}

/** What the SDK tells of itself, among it each failed export. */
function toLog(logger: TracingOptions['logger']): DiagLogger {
  const told = new Map<string, number>();
  const once =
    (level: 'warn' | 'error') =>
    (message: string, ...details: unknown[]): void => {
      const now = Date.now();
      if ((told.get(message) ?? 0) > now) return;
      told.set(message, now + REPEAT_MS);
      logger[level]({ details: details.map(String) }, `OpenTelemetry: ${message}`);
    };
  const debug = (message: string, ...details: unknown[]): void => {
    logger.debug({ details: details.map(String) }, `OpenTelemetry: ${message}`);
  };
  return { error: once('error'), warn: once('warn'), info: debug, debug, verbose: debug };
}
