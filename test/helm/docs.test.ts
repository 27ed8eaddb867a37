import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { METRICS } from '../../services/relay/src/telemetry/table.ts';
import { codeBlocks } from '../e2e/markdown.ts';
import { type Manifest, NO_HELM, one, render } from './chart.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGE = join(ROOT, 'docs/kubernetes.md');

describe('docs/kubernetes.md', () => {
  it('names files that exist', () => {
    const named = [...readFileSync(PAGE, 'utf8').matchAll(/(?<=[ `])(?:helm|deploy|docs)\/[\w./-]*\w/g)].map(
      ([name]) => name,
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !existsSync(join(ROOT, name)))).toEqual([]);
  });

  it('asks the custom metrics API for metrics that there are', () => {
    const [rules = ''] = codeBlocks(PAGE, 'yml');
    const queries: Manifest[] = parse(rules).rules;
    const names = queries.map(({ seriesQuery }) => /^\w+/.exec(seriesQuery)?.[0]);
    expect(names).toEqual(['causeway_connections', 'causeway_messages_total']);
    expect(METRICS.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  });

  it.skipIf(NO_HELM !== null)('asks for them by the names that the autoscaler uses', async () => {
    const [rules = ''] = codeBlocks(PAGE, 'yml');
    const offered = parse(rules).rules.map(({ name }: Manifest) => name.as);
    const { metrics } = one(await render({ files: ['everything'] }), 'HorizontalPodAutoscaler').spec;
    expect(metrics.flatMap(({ pods }: Manifest) => (pods ? [pods.metric.name] : []))).toEqual(offered);
  });

  it.skipIf(NO_HELM !== null).each(codeBlocks(PAGE, 'yaml'))(
    'shows values that the chart takes:\n%s',
    async (values) => {
      await expect(render({ files: ['minimal'], values: parse(values) })).resolves.not.toEqual(await render());
    },
  );
});
