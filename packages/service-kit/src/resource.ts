import type { Attributes } from '@opentelemetry/api';
import { getStringListFromEnv } from '@opentelemetry/core';
import {
  defaultResource,
  detectResources,
  envDetector,
  hostDetector,
  osDetector,
  processDetector,
  type Resource,
  type ResourceDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';

/** As OTEL_NODE_RESOURCE_DETECTORS calls them; a later one counts more. */
const DETECTORS: Readonly<Record<string, ResourceDetector>> = {
  serviceinstance: serviceInstanceIdDetector,
  process: processDetector,
  host: hostDetector,
  os: osDetector,
  env: envDetector,
};

/** What the process is; of what is said here, the environment may say otherwise. */
export function resourceFromEnv(attributes: Attributes): Resource {
  const wanted = new Set(getStringListFromEnv('OTEL_NODE_RESOURCE_DETECTORS') ?? ['all']);
  const detectors = Object.entries(DETECTORS)
    .filter(([name]) => wanted.has('all') || wanted.has(name))
    .map(([, detector]) => detector);
  return defaultResource().merge(resourceFromAttributes(attributes)).merge(detectResources({ detectors }));
}
