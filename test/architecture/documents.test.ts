import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SCRIPTS } from '../../services/relay/src/cluster/scripts.ts';
import { ROOT } from './repository.ts';
import { RULES, VALUE_RULES } from './rules.ts';

const RELAY = 'services/relay/src';
const PAGES = globSync('{*.md,{docs,packages,services,loadtest}/**/*.md}', {
  cwd: ROOT,
  exclude: ['**/node_modules/**', '**/results/**'],
}).map((path) => path.replaceAll('\\', '/'));
const ARCHITECTURE = read('ARCHITECTURE.md');

/** `file` or `file:name` in code quotes. */
const NAMED = /`([\w./-]+\.(?:ts|lua|mjs|json|md))(?::(#?\w+))?`/g;

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The path of a file that a page names, from the root or from the relay's sources; null when it is not there. */
function locate(file: string): string | null {
  return [file, `${RELAY}/${file}`].find((path) => existsSync(join(ROOT, path))) ?? null;
}

/** Whether a source declares the name: as a function, method, class, type or constant. */
function declares(source: string, name: string): boolean {
  const words =
    'export|async|abstract|override|private|protected|readonly|static|get|set|function|class|interface|type|const';
  return new RegExp(`^\\s*(?:(?:${words}) )*${name}(?:[(<:]| =| \\{| extends| implements)`, 'm').test(source);
}

/** What a page names and the repository does not have. */
function missing(page: string): string[] {
  return [...page.matchAll(NAMED)].flatMap(([text, file = '', name]) => {
    const path = locate(file);
    const isThere = path !== null && (name === undefined || declares(read(path), name));
    return isThere ? [] : [text];
  });
}

function anchors(page: string): string[] {
  return [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Links to files and headings that are not there. */
function brokenLinks(path: string): string[] {
  const links = [...read(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? path : normalize(join(dirname(path), file));
    if (!existsSync(join(ROOT, target))) return true;
    return anchor !== undefined && !anchors(read(target)).includes(anchor);
  });
}

describe('ARCHITECTURE.md', () => {
  it('names files and functions that exist', () => {
    expect([...ARCHITECTURE.matchAll(NAMED)].length).toBeGreaterThan(100);
    expect(missing(ARCHITECTURE)).toEqual([]);
  });

  it('is not content with names that are only used somewhere', () => {
    expect(missing('`core/relay.ts:dispatch` `core/relay.ts:deliver` `core/rely.ts` `cluster/scripts.ts`')).toEqual([
      '`core/relay.ts:deliver`',
      '`core/rely.ts`',
    ]);
  });

  it('lists every script', () => {
    const rows = ARCHITECTURE.split('\n').filter((line) => line.startsWith('| `cluster/lua/'));
    const listed = [...rows.join('\n').matchAll(/`cluster\/lua\/(\w+)\.lua`/g)].map(([, file]) => file);
    expect(listed.sort()).toEqual(
      Object.values(SCRIPTS)
        .map(({ file }) => file)
        .sort(),
    );
  });

  it.each([...RULES, ...VALUE_RULES])('lists the rule "$name"', ({ name }) => {
    expect(ARCHITECTURE).toContain(`| ${name} |`);
  });
});

describe('the documents', () => {
  it('are found', () => {
    expect(PAGES).toEqual(expect.arrayContaining(['README.md', 'packages/cli/README.md', 'docs/adr/README.md']));
  });

  it.each(PAGES)('%s has no broken link', (page) => {
    expect(brokenLinks(page)).toEqual([]);
  });

  it.each(['CONTRIBUTING.md', ...PAGES.filter((page) => page.startsWith('docs/adr/'))])(
    '%s names files that exist',
    (page) => {
      expect(missing(read(page))).toEqual([]);
    },
  );

  it('list every decision', () => {
    const decisions = PAGES.filter((page) => /^docs\/adr\/\d{4}-/.test(page)).map((page) =>
      page.replace('docs/adr/', ''),
    );
    const listed = [...read('docs/adr/README.md').matchAll(/\((\d{4}-[\w-]+\.md)\)/g)].map(([, name]) => name);
    expect(listed).toEqual(decisions.sort());
  });
});
