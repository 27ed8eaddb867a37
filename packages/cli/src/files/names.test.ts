import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkEntries, faultOfName, PART, shownPath } from './names.ts';

const file = (...path: string[]) => ({ path, folder: false, executable: false, size: 1 });
const folder = (...path: string[]) => ({ path, folder: true, executable: false });

describe('faultOfName', () => {
  it.each(['a', 'report.pdf', '.profile', 'grüße 世界.txt', 'console.log', 'nul-island', 'a..b', '~', 'x'.repeat(241)])(
    'takes %j',
    (name) => expect(faultOfName(name)).toBeNull(),
  );

  it.each([
    ['', 'no name'],
    ['.', 'no name'],
    ['..', 'no name'],
    ['a/b', 'separator'],
    ['a\\b', 'separator'],
    ['/etc', 'separator'],
    ['C:', 'Windows reserves'],
    ['what?', 'Windows reserves'],
    ['a\0b', 'control characters'],
    ['a\u001b[2J', 'control characters'],
    ['a\u0085', 'control characters'],
    ['\ud800', 'no valid text'],
    ['a.', 'Windows drops'],
    ['a ', 'Windows drops'],
    ['CON', 'device'],
    ['nul.txt', 'device'],
    ['Com1.tar.gz', 'device'],
    ['lpt¹', 'device'],
    ['x'.repeat(242), '242 bytes long, 241 are allowed'],
    ['世'.repeat(100), '300 bytes long'],
    [`a${PART}`, 'not complete'],
    [`a${PART.toUpperCase()}`, 'not complete'],
  ])('refuses %j', (name, why) => expect(faultOfName(name)).toContain(why));

  it('lets nothing through that leads elsewhere', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 6 }), (name) => {
        fc.pre(faultOfName(name) === null);
        expect(new URL(`file:///target/${encodeURIComponent(name)}`).pathname).toMatch(/^\/target\/[^/]+$/);
      }),
    );
  });
});

describe('checkEntries', () => {
  it('takes folders, what is in them, and a folder again', () => {
    checkEntries([folder('a'), file('a', 'b'), folder('a', 'c'), file('d', 'e'), folder('d'), folder('a')]);
  });

  it.each([
    ['no name', [file()]],
    ['a file twice', [file('a'), file('a')]],
    ['a file below a file', [file('a'), file('a', 'b')]],
    ['a file where a folder is', [file('a', 'b'), file('a')]],
    ['a folder where a file is', [file('a'), folder('a')]],
    ['a way up', [file('a', '..', '..', 'b')]],
    ['a path without end', [file(...Array.from({ length: 30 }, () => 'x'.repeat(100)))]],
  ])('refuses %s', (_, entries) => {
    expect(() => checkEntries(entries)).toThrow(expect.objectContaining({ fault: 'bad_name' }));
  });

  it('shows a name without what a terminal would act on', () => {
    expect(() => checkEntries([file('\u001b[2J')])).toThrow('the name "\\\\u001b[2J" has control characters');
    expect(shownPath(['a', '\u202eb'])).toBe('a/\\u202eb');
  });
});
