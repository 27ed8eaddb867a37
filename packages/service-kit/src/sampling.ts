import { ROOT_CONTEXT, SamplingDecision } from '@opentelemetry/api';
import { TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace';
import type { Environment } from './config.ts';
import { Lot } from './lot.ts';

const SAMPLERS = ['always_on', 'always_off', 'traceidratio'] as const;
type SamplerName = (typeof SAMPLERS)[number];

/** Whose trace something is a part of, as W3C says it. */
export interface RemoteContext {
  readonly traceId: string;
  readonly sampled: boolean;
}

/**
 * Which traces are recorded, by OTEL_TRACES_SAMPLER and its argument. The SDK asks its samplers when a span begins, whose
 * ids have been drawn by then; to record one message of a hundred costs a relay less where the other 99 draw none.
 */
export class Sampling {
  private readonly lot: Lot;
  private readonly parentBased: boolean;
  private readonly byTraceId: TraceIdRatioBasedSampler;

  private constructor(ratio: number, parentBased: boolean) {
    this.lot = new Lot(ratio);
    this.byTraceId = new TraceIdRatioBasedSampler(ratio);
    this.parentBased = parentBased;
  }

  /** @param problem is told of what is not understood; then all that the parent does not say otherwise of is recorded */
  static fromEnv(env: Environment, problem: (message: string) => void): Sampling {
    const given = env.OTEL_TRACES_SAMPLER?.trim() || 'parentbased_always_on';
    const name = given.replace(/^parentbased_/, '');
    if (!isSampler(name)) {
      problem(`OTEL_TRACES_SAMPLER is ${JSON.stringify(given)}, which is not known: parentbased_always_on is used`);
      return new Sampling(1, true);
    }
    const ratio =
      name === 'traceidratio' ? readRatio(env.OTEL_TRACES_SAMPLER_ARG, problem) : Number(name === 'always_on');
    return new Sampling(ratio, given !== name);
  }

  /** For a trace that begins here: drawn anew by each call. */
  root(): boolean {
    return this.lot.draw();
  }

  /** For a part of a trace that others have begun: the same for all parts of it. */
  part({ traceId, sampled }: RemoteContext): boolean {
    if (this.parentBased) return sampled;
    const { decision } = this.byTraceId.shouldSample(ROOT_CONTEXT, traceId);
    return decision === SamplingDecision.RECORD_AND_SAMPLED;
  }
}

function isSampler(name: string): name is SamplerName {
  return (SAMPLERS as readonly string[]).includes(name);
}

function readRatio(text: string | undefined, problem: (message: string) => void): number {
  const ratio = Number(text?.trim() || Number.NaN);
  if (ratio >= 0 && ratio <= 1) return ratio;
  problem(`OTEL_TRACES_SAMPLER_ARG is ${JSON.stringify(text ?? '')}, not a number from 0 to 1: everything is recorded`);
  return 1;
}
