import { type DiagLogger, DiagLogLevel, diag } from '@opentelemetry/api';
import { diagLogLevelFromString } from '@opentelemetry/core';
import type { SpanProcessor } from '@opentelemetry/sdk-trace';
import type { Logger } from './logger.ts';
import { Recorder } from './recorder.ts';
import { resourceFromEnv } from './resource.ts';
import { Sampling } from './sampling.ts';
import { spanLimitsFromEnv } from './span-limits.ts';
import { processorsFromEnv } from './span-processors.ts';

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
  readonly recorder: Recorder;
  readonly sampling: Sampling;
  /** Sends what has not been sent, for which it has so many milliseconds. */
  stop(ms: number): Promise<void>;
}

/** To be called once in a process: what OpenTelemetry says of itself goes to one logger. */
export async function startSdk({ service, version, logger }: TracingOptions): Promise<Tracing> {
  const sampling = Sampling.fromEnv(process.env, (message) => logger.warn(message));
  const logLevel = diagLogLevelFromString(process.env.OTEL_LOG_LEVEL) ?? DiagLogLevel.INFO;
  diag.setLogger(toLog(logger), { logLevel, suppressOverrideMessage: true });
  const processors = await processorsFromEnv();
  const recorder = new Recorder({
    resource: resourceFromEnv({ 'service.name': service, 'service.version': version }),
    scope: { name: service, version },
    limits: spanLimitsFromEnv(),
    ended(span) {
      for (const processor of processors) processor.onEnd(span);
    },
  });
  return { recorder, sampling, stop: (ms) => stop(processors, ms, logger) };
}

async function stop(processors: readonly SpanProcessor[], ms: number, logger: TracingOptions['logger']): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`not within ${ms} ms`), ms);
  });
  const stopped = Promise.all(processors.map((processor) => processor.shutdown())).then(() => null, String);
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
