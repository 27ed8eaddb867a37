import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const FOLDER = new URL('./', import.meta.url);
const PAGE = readFileSync(new URL('../../docs/load-testing.md', FOLDER), 'utf8');
const RUNNER = readFileSync(new URL('../../scripts/k6.ts', FOLDER), 'utf8');
const SCENARIOS = readdirSync(FOLDER)
  .filter((file) => /^\w+\.ts$/.test(file))
  .map((file) => file.replace('.ts', ''));
/** Of the reports. */
const COMMON = ['OUT'];

/** Settings and their defaults, as a script reads them. */
function read(file: string): string[][] {
  const source = readFileSync(new URL(file, FOLDER), 'utf8');
  const numbers = [...source.matchAll(/(?:numberOf|textOf)\('(\w+)', (?:'([^']*)'|([\d_]+))\)/g)];
  const words = [...source.matchAll(/oneOf\('(\w+)', \['(\w+)'/g)];
  return [...numbers, ...words]
    .map(([, name = '', text, number]) => [name, (number ?? text ?? '').replaceAll('_', '')])
    .filter(([name = '']) => !COMMON.includes(name))
    .sort();
}

/** The table below a heading of the page. */
function documented(heading: string): string[][] {
  const section = PAGE.split(`\n### ${heading}\n`)[1]?.split('\n#')[0] ?? '';
  return [...section.matchAll(/^\| (`.+?`) \| (.*?) ?\|/gm)]
    .flatMap(([, names = '', standard = '']) =>
      [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => [name, standard.trim()]),
    )
    .filter(([name = '']) => !COMMON.includes(name))
    .sort();
}

describe('docs/load-testing.md', () => {
  test.each(SCENARIOS)('lists the settings of %s and their defaults', (scenario) => {
    expect(documented(scenario)).toEqual(read(`${scenario}.ts`));
    expect(documented(scenario).length).toBeGreaterThan(2);
  });

  test('lists what holds for all', () => {
    expect(documented('All of them')).toEqual([...read('lib/env.ts'), ...read('lib/limit.ts')].sort());
  });

  test('has a heading for each scenario, and the runner has a line', () => {
    const headings = [...PAGE.matchAll(/^### ([a-z]+)$/gm)].map(([, name = '']) => name);
    expect(headings.sort()).toEqual([...SCENARIOS].sort());
    const listed = [...RUNNER.matchAll(/^ {2}([a-z]+): '/gm)].map(([, name = '']) => name);
    expect(listed.sort()).toEqual([...SCENARIOS].sort());
  });

  test('lists every metric', () => {
    const source = readFileSync(new URL('lib/metrics.ts', FOLDER), 'utf8');
    const names = [...source.matchAll(/new (?:Counter|Trend)\('(\w+)'/g)].map(([, name = '']) => name);
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !PAGE.includes(`\`${name}\``))).toEqual([]);
  });
});
