import { getNumberFromEnv } from '@opentelemetry/core';

/** By the specification of OpenTelemetry. */
const DEFAULT_COUNT = 128;

export interface SpanLimits {
  readonly links: number;
  /** Null where the environment sets none, since no span has as many as the default allows. */
  readonly attributes: { readonly attributeCountLimit: number; readonly attributeValueLengthLimit: number } | null;
}

export function spanLimitsFromEnv(): SpanLimits {
  const links = getNumberFromEnv('OTEL_SPAN_LINK_COUNT_LIMIT') ?? DEFAULT_COUNT;
  const count = getNumberFromEnv('OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT') ?? getNumberFromEnv('OTEL_ATTRIBUTE_COUNT_LIMIT');
  const length =
    getNumberFromEnv('OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT') ?? getNumberFromEnv('OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT');
  if (count === undefined && length === undefined) return { links, attributes: null };
  return {
    links,
    attributes: {
      attributeCountLimit: count ?? DEFAULT_COUNT,
      attributeValueLengthLimit: length ?? Number.POSITIVE_INFINITY,
    },
  };
}
