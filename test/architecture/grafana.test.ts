import { execFileSync } from 'node:child_process';
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DASHBOARDS } from '../../grafana/dashboards.ts';
import { METRICS } from '../../services/relay/src/telemetry/table.ts';
import { ROOT } from './repository.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const ALERTS = read('grafana/rules/alerts.yaml');
const RECORDING = read('grafana/rules/recording.yaml');
const UNIT_TESTS = globSync('grafana/rules/tests/*.yaml', { cwd: ROOT }).map(read).join('\n');
const RUNBOOK = read('docs/runbook.md');
const EXPRESSIONS = [ALERTS, RECORDING, ...Object.values(DASHBOARDS).map((render) => render())].join('\n');

/** Values of a key at the beginning of a line. */
function all(text: string, key: string): string[] {
  return [...text.matchAll(new RegExp(`^ *(?:- )?${key}: (.+)$`, 'gm'))].map(([, value]) => value as string);
}

const alerts = [...new Set(all(ALERTS, 'alert'))];

/** Its output, or null where the tool is missing. */
function promtool(...args: string[]): string | null {
  try {
    return execFileSync('promtool', args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`promtool ${args.join(' ')}:\n${stdout}${stderr}`);
  }
}

describe('the dashboards', () => {
  it.each(Object.entries(DASHBOARDS))('%s is what the generator writes', (file, render) => {
    expect(read(`grafana/dashboards/${file}`), 'run `npm run docs`').toBe(render());
  });

  it('are all there is', () => {
    expect(readdirSync(join(ROOT, 'grafana/dashboards')).sort()).toEqual(Object.keys(DASHBOARDS).sort());
  });

  it('ask for metrics that exist only, as rules do', () => {
    const names = METRICS.flatMap(({ name, type }) =>
      type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name],
    );
    const asked = new Set([...EXPRESSIONS.matchAll(/\bcauseway_\w+/g)].map(([name]) => name));
    const recorded = all(RECORDING, 'record').map((name) => name.split(':')[1]);
    expect(asked.size).toBeGreaterThan(40);
    expect([...asked].filter((name) => !names.includes(name) && !recorded.includes(name))).toEqual([]);
  });

  it('ask for recorded series that exist only, as alerts do', () => {
    const asked = new Set([...EXPRESSIONS.matchAll(/\b(?:causeway|instance):\w+:\w+/g)].map(([name]) => name));
    expect([...asked].filter((name) => !all(RECORDING, 'record').includes(name))).toEqual([]);
  });

  it('put no constant where data is missing', () => {
    expect(EXPRESSIONS).not.toMatch(/\bor +(?:on\(\) +)?vector\(|absent\(/);
  });
});

describe('the alerts', () => {
  it('are found', () => {
    expect(alerts.length).toBeGreaterThan(15);
  });

  it.each(alerts)('%s says how bad it is, what it is, and where to read on', (alert) => {
    const parts = ALERTS.split(/^ *- alert: /m).filter((part) => part.startsWith(`${alert}\n`));
    for (const part of parts) {
      expect(part).toMatch(/severity: (?:critical|warning)\n/);
      expect(part).toMatch(/summary: \S.*\n\s+description: >-\n\s+\S/);
      expect(all(part, 'runbook_url')).toEqual([`docs/runbook.md#${alert.toLowerCase()}`]);
    }
  });

  it('are the entries of the runbook, in the same order', () => {
    expect([...RUNBOOK.matchAll(/^## (Causeway\w+)$/gm)].map(([, name]) => name)).toEqual(alerts);
  });

  it.each(alerts)('%s is tried with made-up series', (alert) => {
    expect(UNIT_TESTS).toContain(alert);
  });
});

describe.skipIf(promtool('--version') === null)('promtool', () => {
  it.each(globSync('grafana/rules/*.yaml', { cwd: ROOT }))('takes %s', (file) => {
    expect(promtool('check', 'rules', '--lint-fatal', file)).toContain('SUCCESS');
  });

  it.each(globSync('grafana/prometheus/*.yaml', { cwd: ROOT }))('takes %s', (file) => {
    expect(promtool('check', 'config', file)).toContain('SUCCESS');
  });

  it('finds the alerts to fire when they should', () => {
    const files = globSync('grafana/rules/tests/*.yaml', { cwd: ROOT });
    expect(promtool('test', 'rules', ...files)).not.toContain('FAILED');
  }, 60_000);
});
