import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeChart, kinds, lint, render, renderText, VALUES, Validator } from './chart.ts';

const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  minimal: [],
  trial: ['Service', 'StatefulSet'],
  production: ['ConfigMap', 'HorizontalPodAutoscaler', 'Ingress', 'NetworkPolicy', 'ServiceMonitor'],
  tls: [],
  gateway: ['BackendTLSPolicy', 'HTTPRoute', 'HorizontalPodAutoscaler'],
  everything: ['ConfigMap', 'HTTPRoute', 'HorizontalPodAutoscaler', 'Ingress', 'NetworkPolicy', 'ServiceMonitor'],
};
const ALWAYS = ['Deployment', 'Pod', 'PodDisruptionBudget', 'Service', 'Service', 'ServiceAccount'];

describeChart('the chart', () => {
  let validator: Validator;

  beforeAll(() => {
    validator = new Validator();
  });

  afterAll(() => validator?.stop());

  it('is tested with each of its values files', () => {
    expect(Object.keys(VALUES).sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  it.each(Object.entries(VALUES))('has nothing that helm lint finds, with %s', async (_, file) => {
    await lint(file);
  });

  it.each(Object.entries(EXPECTED))('renders what Kubernetes takes, with %s', async (name, more) => {
    const text = await renderText({ files: [name] });
    const manifests = await render({ files: [name] });
    expect(await validator.validate(text)).toEqual(manifests.map(() => null));
    const others = manifests.filter(({ metadata, kind }) => {
      return kind !== 'PrometheusRule' && metadata.labels.grafana_dashboard === undefined;
    });
    expect(kinds(others)).toEqual([...ALWAYS, ...more].sort());
  });

  it('is judged by a validator that knows each of the resources', async () => {
    const text = await renderText({ files: ['everything'] });
    const broken = text
      .replace('maxReplicas: 100', 'maxReplicas: many')
      .replace('parentRefs:', 'parents:')
      .replace('jobLabel:', 'job:')
      .replace('sleep:', 'slumber:')
      .replaceAll('- name: causeway-', '- title: causeway-');
    const complaints = (await validator.validate(broken)).filter((complaint) => complaint !== null);
    for (const field of ['spec.maxReplicas', 'spec.parents', 'spec.job', 'preStop.slumber', 'spec.groups[0].title']) {
      expect(complaints).toContainEqual(expect.stringContaining(field));
    }
    expect(complaints.length).toBeLessThan(7);
  });
});
