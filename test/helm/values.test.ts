import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { CHART, describeChart, renderText, VALUES } from './chart.ts';

type Values = Readonly<Record<string, unknown>>;

const read = (file = ''): Values => parse(readFileSync(file, 'utf8')) as Values;
const DEFAULTS = read(join(CHART, 'values.yaml'));
const EVERYTHING = read(VALUES.everything);
/** Maps whose entries are not the chart's, or are tested by themselves. */
const WHOLE = ['config', 'policy', 'podSecurityContext', 'containerSecurityContext', 'resources', 'probes'];
/** Nothing may be in them. */
const ROOM = ['resolver', 'gateways'];
const KEY = { config: { auth: 'key' } };
const ROUTE = { ...KEY, tls: { secretName: 'tls' } };
const PARENTS = { enabled: true, parentRefs: [{ name: 'public' }], backendTls: { hostname: 'relay.internal' } };
const BALANCER = { ...KEY, service: { type: 'LoadBalancer' } };
/** What does not go together with everything: some values, then more, which must make a difference. */
const APART: Readonly<Record<string, readonly [Values, Values]>> = {
  'image.tag': [{}, { image: { tag: '2.0.0' } }],
  replicas: [{ config: { redisUrl: 'redis://redis' } }, { replicas: 2 }],
  'service.loadBalancerClass': [BALANCER, { service: { type: 'LoadBalancer', loadBalancerClass: 'own' } }],
  'service.loadBalancerSourceRanges': [
    BALANCER,
    { service: { type: 'LoadBalancer', loadBalancerSourceRanges: ['192.0.2.0/24'] } },
  ],
  'ingress.tls': [
    { ...KEY, ingress: { enabled: true, hosts: ['a.example.com'] } },
    { ingress: { enabled: true, hosts: ['a.example.com'], tls: [{ secretName: 'a' }] } },
  ],
  'httpRoute.path': [{ ...ROUTE, httpRoute: PARENTS }, { httpRoute: { ...PARENTS, path: '/relay' } }],
  'httpRoute.backendTls': [
    { ...ROUTE, httpRoute: PARENTS },
    { httpRoute: { ...PARENTS, backendTls: { hostname: 'relay.internal', caConfigMap: 'ca' } } },
  ],
  'networkPolicy.dns': [{ networkPolicy: { enabled: true } }, { networkPolicy: { enabled: true, dns: [] } }],
  'redis.bundled': [{}, { redis: { bundled: { enabled: true } } }],
  'secrets.redisPassword': [
    { config: { redisUrl: 'redis://redis' } },
    { secrets: { redisPassword: { name: 'password' } } },
  ],
  'tls.secretName': [{}, { tls: { secretName: 'tls' } }],
  'tls.certKey': [ROUTE, { tls: { secretName: 'tls', certKey: 'chain.pem' } }],
  'tls.keyKey': [ROUTE, { tls: { secretName: 'tls', keyKey: 'key.pem' } }],
  'podDisruptionBudget.enabled': [{}, { podDisruptionBudget: { enabled: false } }],
  'serviceAccount.create': [{}, { serviceAccount: { create: false } }],
  podSecurityContext: [{}, { podSecurityContext: { runAsUser: 1000 } }],
  containerSecurityContext: [{}, { containerSecurityContext: { readOnlyRootFilesystem: false } }],
  probes: [{}, { probes: { liveness: { periodSeconds: 20 } } }],
  resources: [{}, { resources: { requests: { cpu: '2' } } }],
};

function isMap(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Names of values, two levels deep. */
function names(values: Values): string[] {
  return Object.entries(values).flatMap(([key, value]) => {
    const isSplit = isMap(value) && isMap(DEFAULTS[key]) && Object.keys(DEFAULTS[key]).length > 0;
    return isSplit && !WHOLE.includes(key) ? Object.keys(value).map((name) => `${key}.${name}`) : [key];
  });
}

function without(values: Values, name: string): Values {
  const [key = '', inner] = name.split('.');
  const { [key]: removed, ...rest } = values;
  if (inner === undefined || !isMap(removed)) return rest;
  const { [inner]: _, ...others } = removed;
  return { ...rest, [key]: others };
}

/** What comes of the values: the manifests, or why there are none. */
function outcome(values: Values): Promise<string> {
  return renderText({ values }).catch((error: Error) => error.message);
}

describeChart('the values', () => {
  it('are all set by a test', () => {
    const tested = [...names(EVERYTHING), ...Object.keys(APART), ...ROOM];
    expect(names(DEFAULTS).filter((name) => !tested.includes(name))).toEqual([]);
  });

  it.each(names(EVERYTHING).filter((name) => !(name in APART)))('have an effect by %s', async (name) => {
    expect(await outcome(without(EVERYTHING, name))).not.toBe(await outcome(EVERYTHING));
  });

  it.each(Object.entries(APART))('have an effect by %s', async (_, [some, more]) => {
    const before = await renderText({ values: some });
    expect(await renderText({ values: { ...some, ...more } })).not.toBe(before);
  });
});
