import { afterEach, expect, test, vi } from 'vitest';
import { resourceFromEnv } from './resource.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

const OWN = { 'service.name': 'relay', 'service.version': '1' };

test('the environment has the last word on what the service is', () => {
  expect(resourceFromEnv(OWN).attributes).toMatchObject({ ...OWN, 'telemetry.sdk.language': 'nodejs' });
  vi.stubEnv('OTEL_SERVICE_NAME', 'edge');
  vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'deployment.environment=test');
  expect(resourceFromEnv(OWN).attributes).toMatchObject({
    ...{ 'service.name': 'edge', 'service.version': '1', 'deployment.environment': 'test' },
    'process.pid': process.pid,
  });
});

test.each([
  ['none', [false, false]],
  ['process', [true, false]],
  ['host,serviceinstance', [false, true]],
  ['all', [true, true]],
])('OTEL_NODE_RESOURCE_DETECTORS=%s', (detectors, expected) => {
  vi.stubEnv('OTEL_NODE_RESOURCE_DETECTORS', detectors);
  const { attributes } = resourceFromEnv(OWN);
  expect(['process.pid', 'service.instance.id'].map((name) => name in attributes)).toEqual(expected);
});
