import { afterEach, expect, test, vi } from 'vitest';
import { spanLimitsFromEnv } from './span-limits.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

const NONE = { attributeCountLimit: 128, attributeValueLengthLimit: Number.POSITIVE_INFINITY };

test.each([
  [{}, { links: 128, attributes: null }],
  [{ OTEL_SPAN_LINK_COUNT_LIMIT: '3' }, { links: 3, attributes: null }],
  [{ OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: '4' }, { links: 128, attributes: { ...NONE, attributeCountLimit: 4 } }],
  [{ OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '5' }, { links: 128, attributes: { ...NONE, attributeValueLengthLimit: 5 } }],
  [
    { OTEL_ATTRIBUTE_COUNT_LIMIT: '6', OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: '7' },
    { links: 128, attributes: { ...NONE, attributeCountLimit: 7 } },
  ],
])('limits by %j', (env, limits) => {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  expect(spanLimitsFromEnv()).toEqual(limits);
});
