import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadScript, SCRIPTS, type ScriptName } from './scripts.ts';

const FOLDER = new URL('./lua/', import.meta.url);
const PARTS = ['clock', 'mailbox', 'location', 'watchers', 'inbox', 'nodes', 'bucket', 'rooms'];
/** Keys that a part takes for itself. */
const KEYS_OF_PART: Readonly<Record<string, readonly string[]>> = {
  mailbox: ['1', '2', '3', '4', '5'],
  location: ['6'],
  inbox: ['1', '2', '3', '4'],
  nodes: ['1'],
  bucket: ['1'],
  rooms: ['1', '2'],
};
const names = Object.keys(SCRIPTS) as ScriptName[];

function source(file: string): string {
  return readFileSync(new URL(`${file}.lua`, FOLDER), 'utf8');
}

function header(text: string, field: string): string | undefined {
  return new RegExp(`^-- ${field}: (.+)$`, 'm').exec(text)?.[1];
}

/** `a, b, c...`: names, those of the repeated group at the end, whose last one carries the dots. */
function listed(names: readonly string[], rest: readonly string[]): string {
  const all = [...names, ...rest].join(', ');
  return rest.length === 0 ? all : `${all}...`;
}

function numbersIn(text: string, array: string): string[] {
  return Array.from(text.matchAll(new RegExp(`\\b${array}\\[(\\d+)\\]`, 'g')), ([, number]) => number as string);
}

describe.each(names)('%s', (name) => {
  const { file, keys, args, rest } = SCRIPTS[name];
  const text = source(file);

  test('the header lists what the registry lists, in the same order', () => {
    expect(header(text, 'KEYS')).toBe(listed(keys, []));
    expect(header(text, 'ARGV') ?? '').toBe(listed(args, rest));
  });

  test('the header says what it does and what it replies', () => {
    expect(text).toMatch(/^-- [A-Z].*[.]\n/);
    expect(text).toMatch(/^-- Replies:\n(-- {3}.+\n)+/m);
  });

  test('it uses every declared key and argument, and no other', () => {
    const parts = header(text, 'include')?.split(', ') ?? [];
    const used = [...numbersIn(text, 'KEYS'), ...parts.flatMap((part) => KEYS_OF_PART[part] ?? [])];
    expect([...new Set(used)].sort()).toEqual(keys.map((_, index) => String(index + 1)).sort());
    const usedArgs = new Set(numbersIn(text, 'ARGV'));
    expect([...usedArgs].sort((a, b) => Number(a) - Number(b))).toEqual(args.map((_, index) => String(index + 1)));
    if (rest.length > 0) expect(loadScript(file)).toMatch(/#ARGV|ipairs\(ARGV\)/);
  });

  test('it names no key but its own', () => {
    // A call's key is KEYS[n] or a local that stands for one.
    const calls = Array.from(
      loadScript(file).matchAll(/redis\.call\('\w+'(?:, '(?:STREAM|CREATE|DESTROY)')?, ([^,)]+)/g),
      ([, key]) => key,
    );
    const own = /^(KEYS\[\d\]|KEYS\[key\]|key|by|MBOX|META|COUNT|BYTES|INDEX|LOC|NODES|BUCKET|ROOMS|UNTIL)$/;
    expect(calls.filter((key) => !own.test(key as string))).toEqual([]);
  });

  test('a script that frees memory or keeps a lease goes on when memory is used up', () => {
    const flags = header(text, 'flags');
    expect([undefined, 'allow-oom']).toContain(flags);
    expect(loadScript(file).split('\n')[0]).toBe(flags === undefined ? '#!lua' : '#!lua flags=allow-oom');
  });
});

test('every file is in the registry, once', () => {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.lua'));
  expect(names.map((name) => `${SCRIPTS[name].file}.lua`).sort()).toEqual(files.sort());
  const parts = readdirSync(new URL('lib/', FOLDER));
  expect(parts.sort()).toEqual(PARTS.map((part) => `${part}.lua`).sort());
});

test('numbers become text by int(): tostring and .. round them', () => {
  for (const name of names) {
    const text = loadScript(SCRIPTS[name].file);
    expect(text.replace(/^.*--.*$/gm, '')).not.toContain('tostring(');
    expect(text).not.toMatch(/\.\. (NOW|ms|n|last)\b/);
  }
});
