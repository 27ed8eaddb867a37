import { expect, test } from 'vitest';
import { wantsTracing } from './tracing.ts';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

test.each([
  [{}, false],
  [{ OTEL_TRACES_SAMPLER: 'always_on', OTEL_SERVICE_NAME: 'relay' }, false],
  [ENDPOINT, true],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }, true],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }, false],
  [{ OTEL_TRACES_EXPORTER: 'console' }, true],
  [{ OTEL_TRACES_EXPORTER: 'none', ...ENDPOINT }, false],
  [{ OTEL_TRACES_EXPORTER: '', ...ENDPOINT }, true],
  [{ OTEL_SDK_DISABLED: 'True', ...ENDPOINT }, false],
  [{ OTEL_SDK_DISABLED: 'false', ...ENDPOINT }, true],
])('%j asks for traces: %s', (env, wanted) => {
  expect(wantsTracing(env)).toBe(wanted);
});
