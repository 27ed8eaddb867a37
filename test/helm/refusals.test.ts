import { expect, it } from 'vitest';
import { describeChart, one, refusal, render } from './chart.ts';

const REDIS = { redisUrl: 'redis://redis:6379' };
const ROUTE = { enabled: true, parentRefs: [{ name: 'public' }] };

describeChart('the schema', () => {
  it.each([
    [{ replica: 3 }, 'replica'],
    [{ config: { maxConnection: 5 } }, 'maxConnection'],
    [{ config: { maxConnections: 0 } }, '/config/maxConnections'],
    [{ config: { maxConnections: '10000' } }, '/config/maxConnections'],
    [{ config: { auth: 'none' } }, '/config/auth'],
    [{ config: { redisUrl: 'redis://:hidden@redis:6379' } }, '/config/redisUrl'],
    [{ config: { adminTokens: 'read:hidden' } }, 'adminTokens'],
    [{ extraEnv: [{ name: 'CAUSEWAY_PORT', value: '1' }] }, '/extraEnv/0/name'],
    [{ policy: { defaults: { peer: { message: {} } } } }, '/policy/defaults/peer'],
    [{ policy: { cluster: { messages: { burst: 5 } } } }, '/policy/cluster/messages'],
    [{ ingress: { enabled: true } }, '/ingress/hosts'],
    [{ httpRoute: { enabled: true } }, '/httpRoute/parentRefs'],
    [{ secrets: { tokenKeys: 'keys' } }, '/secrets/tokenKeys'],
    [{ service: { type: 'ExternalName' } }, '/service/type'],
    [{ resolver: { enabled: true } }, '/resolver'],
    [{ gateways: { replicas: 2 } }, '/gateways'],
  ])('does not take %j', async (values, said) => {
    expect(await refusal({ values: { ...values } })).toContain(said);
  });
});

describeChart('the chart refuses', () => {
  it.each([
    { service: { type: 'LoadBalancer' } },
    { service: { type: 'NodePort' } },
    { ingress: { enabled: true, hosts: ['relay.example.com'] } },
    { httpRoute: ROUTE },
  ])('to be open to the world with %j', async (values) => {
    expect(await refusal({ values })).toContain('config.auth is open');
    expect(await refusal({ values: { ...values, config: { auth: null } } })).toContain('config.auth is open');
    const closed = { ...values, config: { auth: 'key' } };
    await expect(render({ values: closed })).resolves.toBeDefined();
    await expect(render({ values: { ...values, allowOpen: true } })).resolves.toBeDefined();
    for (const policy of [{ defaults: { auth: 'open' } }, { realms: { acme: { auth: 'open' } } }]) {
      expect(await refusal({ values: { ...closed, policy } })).toContain('auth is open');
    }
  });

  it.each([
    [{ replicas: 2 }, 'need a Redis'],
    [{ autoscaling: { enabled: true } }, 'need a Redis'],
    [{ secrets: { redisPassword: { name: 'redis' } } }, 'need a Redis'],
    [{ config: { redisMinReplicas: 1 } }, 'need a Redis'],
    [{ config: REDIS, redis: { bundled: { enabled: true } } }, 'more than one Redis'],
    [{ config: REDIS, secrets: { redisUrl: { name: 'redis' } } }, 'more than one Redis'],
    [{ config: { auth: 'token' } }, 'it needs keys'],
    [{ secrets: { admissionSecret: { name: 'admission' } } }, 'without config.admissionUrl'],
    [{ config: { proxyProtocol: 'v2' } }, 'without config.trustedProxies'],
    [{ config: { proxyProtocol: 'v2', trustedProxies: ['10.0.0.1'] }, tls: { secretName: 'tls' } }, 'in front of TLS'],
    [{ config: REDIS, autoscaling: { enabled: true, minReplicas: 11 } }, 'above autoscaling.maxReplicas'],
    [{ config: REDIS, autoscaling: { enabled: true, cpuUtilization: null } }, 'needs one of'],
    [{ config: { auth: 'key' }, httpRoute: ROUTE, tls: { secretName: 'tls' } }, 'backendTls.hostname'],
    [{ rollingUpdate: { maxSurge: '0%', maxUnavailable: 0 } }, 'nothing could be replaced'],
    [
      { networkPolicy: { enabled: true }, config: { admissionUrl: 'https://admission.example.com' } },
      'networkPolicy.extraEgress',
    ],
  ])('%j', async (values, said) => {
    expect(await refusal({ values: { ...values } })).toContain(said);
  });

  it('nothing that comes after a Redis is named', async () => {
    const manifests = await render({ values: { config: REDIS, replicas: 3 } });
    expect(one(manifests, 'Deployment').spec.replicas).toBe(3);
  });
});
