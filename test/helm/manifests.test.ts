import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { describeChart, kinds, type Manifest, one, relayOf, render, VALUES } from './chart.ts';

const GRAFANA = fileURLToPath(new URL('../../grafana', import.meta.url));
/** What the process may take to end once it has drained. */
const SPARE_SECONDS = 5;
const SELECTED = { 'app.kubernetes.io/name': 'causeway', 'app.kubernetes.io/instance': 'causeway' };
const RELAY = { ...SELECTED, 'app.kubernetes.io/component': 'relay' };

const podOf = (manifests: readonly Manifest[]): Manifest => one(manifests, 'Deployment').spec.template.spec;

function variable(container: Manifest, name: string): string | undefined {
  return container.env.find((each: Manifest) => each.name === name)?.value;
}

describeChart('a pod of the chart', () => {
  it.each([
    [{}, 5 + 25 + SPARE_SECONDS],
    [{ config: { drainSeconds: 300 } }, 5 + 300 + SPARE_SECONDS],
    [{ config: { drainSeconds: 60 }, preStopSeconds: 20 }, 20 + 60 + SPARE_SECONDS],
    [{ config: { drainSeconds: null }, preStopSeconds: 0 }, 0 + 25 + SPARE_SECONDS],
  ])('has the time for its end that %j takes', async (values, seconds) => {
    const manifests = await render({ values });
    const { preStopSeconds = 5 } = values as { preStopSeconds?: number };
    expect(podOf(manifests).terminationGracePeriodSeconds).toBe(seconds);
    expect(relayOf(manifests).lifecycle?.preStop.sleep.seconds ?? 0).toBe(preStopSeconds);
    const drain = Number(variable(relayOf(manifests), 'CAUSEWAY_DRAIN_SECONDS') ?? 25);
    expect(preStopSeconds + drain + SPARE_SECONDS).toBe(seconds);
  });

  it.each(Object.keys(VALUES))('keeps to the restricted profile, with %s', async (name) => {
    const manifests = await render({ files: [name] });
    const pods = [
      ...manifests.filter(({ spec }) => spec?.template !== undefined).map(({ spec }) => spec.template.spec),
      one(manifests, 'Pod').spec,
    ];
    for (const pod of pods) {
      expect(pod.automountServiceAccountToken).toBe(false);
      expect(pod.enableServiceLinks).toBe(false);
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      expect(pod.containers[0].securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });

  it('is asked three questions', async () => {
    const { startupProbe, readinessProbe, livenessProbe } = relayOf(await render());
    const ready = { path: '/health/ready', port: 'admin' };
    expect(startupProbe.httpGet).toEqual(ready);
    expect(readinessProbe.httpGet).toEqual(ready);
    expect(livenessProbe.httpGet).toEqual({ path: '/health/live', port: 'admin' });
    expect(livenessProbe.failureThreshold * livenessProbe.periodSeconds).toBeGreaterThanOrEqual(60);
  });

  it('is replaced when the one before has drained, and never beside one with which it shares nothing', async () => {
    const alone = one(await render(), 'Deployment').spec;
    expect(alone.strategy).toEqual({ type: 'Recreate' });
    const { spec } = one(await render({ files: ['trial'], values: { config: { drainSeconds: 90 } } }), 'Deployment');
    expect(spec.strategy).toEqual({ type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } });
    expect(spec.minReadySeconds).toBe(90);
    expect(spec.progressDeadlineSeconds).toBeGreaterThan(90);
  });

  it('has no secret but by reference', async () => {
    const secrets = (await render({ files: ['everything'] })).filter(({ kind }) => kind === 'Secret');
    expect(secrets).toEqual([]);
    const [url] = relayOf(await render({ files: ['everything'] })).env.filter(
      ({ name }: Manifest) => name === 'CAUSEWAY_REDIS_URL',
    );
    expect(url).toEqual({ name: 'CAUSEWAY_REDIS_URL', valueFrom: { secretKeyRef: { name: 'redis', key: 'url' } } });
  });

  it('gets its certificate as a volume that follows the Secret', async () => {
    const manifests = await render({ files: ['tls'] });
    const { volumeMounts } = relayOf(manifests);
    expect(volumeMounts).toEqual([{ name: 'files', mountPath: '/etc/causeway', readOnly: true }]);
    expect(podOf(manifests).volumes[0].projected.sources).toContainEqual({
      secret: {
        name: 'relay-example-com',
        items: [
          { key: 'tls.crt', path: 'tls.crt' },
          { key: 'tls.key', path: 'tls.key' },
        ],
      },
    });
    const [service] = manifests.filter(({ kind }) => kind === 'Service');
    expect(service.spec.ports[0].appProtocol).toBe('kubernetes.io/wss');
  });
});

describeChart('what stands around the pods', () => {
  it('shows the admin port to nobody by the Service of clients', async () => {
    const manifests = await render({ files: ['everything'], values: { fullnameOverride: 'relays' } });
    expect(one(manifests, 'Service', 'relays').spec.ports).toMatchObject([{ targetPort: 'relay', nodePort: 30070 }]);
    const admin = one(manifests, 'Service', 'relays-admin').spec;
    expect(admin).toMatchObject({ type: 'ClusterIP', clusterIP: 'None', ports: [{ port: 7071 }] });
  });

  it('lets clients, Prometheus, Redis and DNS through, nothing else', async () => {
    const { spec } = one(await render({ files: ['production'] }), 'NetworkPolicy');
    const inNamespace = (name: string) => ({
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
    });
    const test = { podSelector: { matchLabels: { ...SELECTED, 'app.kubernetes.io/component': 'test' } } };
    expect(spec).toEqual({
      podSelector: { matchLabels: RELAY },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        { ports: [{ port: 'relay', protocol: 'TCP' }], from: [inNamespace('ingress-nginx'), test] },
        { ports: [{ port: 'admin', protocol: 'TCP' }], from: [inNamespace('monitoring')] },
      ],
      egress: [
        {
          ports: [
            { port: 53, protocol: 'UDP' },
            { port: 53, protocol: 'TCP' },
          ],
          to: [inNamespace('kube-system')],
        },
        { ports: [{ port: 6379, protocol: 'TCP' }], to: [inNamespace('data')] },
      ],
    });
  });

  it('lets nobody but relays to the bundled Redis', async () => {
    const manifests = await render({ files: ['trial'], values: { networkPolicy: { enabled: true } } });
    const { spec } = one(manifests, 'NetworkPolicy', 'causeway-redis');
    expect(spec.ingress).toEqual([
      { ports: [{ port: 'redis', protocol: 'TCP' }], from: [{ podSelector: { matchLabels: RELAY } }] },
    ]);
    expect(spec.egress).toEqual([]);
    expect(one(manifests, 'StatefulSet').spec.template.metadata.labels).toMatchObject(spec.podSelector.matchLabels);
  });

  it('scales by what the values name, down slowly', async () => {
    const manifests = await render({ files: ['everything'] });
    expect(one(manifests, 'Deployment').spec).not.toHaveProperty('replicas');
    const { metrics, behavior } = one(manifests, 'HorizontalPodAutoscaler').spec;
    expect(metrics).toEqual([
      {
        type: 'ContainerResource',
        containerResource: { name: 'cpu', container: 'relay', target: { type: 'Utilization', averageUtilization: 70 } },
      },
      ...Object.entries({ causeway_connections: '15000', causeway_messages_per_second: '30000' }).map(
        ([name, averageValue]) => ({
          type: 'Pods',
          pods: { metric: { name }, target: { type: 'AverageValue', averageValue } },
        }),
      ),
    ]);
    expect(behavior.scaleDown).toEqual({
      stabilizationWindowSeconds: 1800,
      policies: [{ type: 'Pods', value: 2, periodSeconds: 600 }],
    });
  });

  it('keeps WebSockets open through an Ingress', async () => {
    const nginx = one(await render({ files: ['production'] }), 'Ingress').metadata.annotations;
    expect(nginx).toMatchObject({
      'nginx.ingress.kubernetes.io/proxy-read-timeout': '3600',
      'nginx.ingress.kubernetes.io/proxy-send-timeout': '3600',
    });
    const haproxy = one(await render({ files: ['everything'] }), 'Ingress').metadata.annotations;
    expect(haproxy).toEqual({ 'haproxy.org/timeout-tunnel': '7200s', 'haproxy.org/load-balance': 'random' });
  });

  it('has the rules and the dashboards as they are', async () => {
    const manifests = await render({ files: ['everything'] });
    for (const file of globSync(`${GRAFANA}/rules/*.yaml`)) {
      const rule = one(manifests, 'PrometheusRule', `everything-${basename(file, '.yaml')}`);
      expect(rule.spec).toEqual(parse(readFileSync(file, 'utf8')));
      expect(rule.metadata.labels.release).toBe('prometheus');
    }
    const dashboards = globSync(`${GRAFANA}/dashboards/*.json`);
    expect(dashboards.length).toBeGreaterThan(0);
    for (const file of dashboards) {
      const name = basename(file);
      const map = one(manifests, 'ConfigMap', `everything-dashboard-${basename(file, '.json')}`);
      expect(map.metadata.labels.grafana_dashboard).toBe('1');
      expect(map.data).toEqual({ [name]: readFileSync(file, 'utf8') });
    }
  });

  it('is the relay and what it needs without any value', async () => {
    expect(kinds(await render())).not.toContain('ConfigMap');
    expect(variable(relayOf(await render()), 'CAUSEWAY_REDIS_URL')).toBeUndefined();
  });
});
