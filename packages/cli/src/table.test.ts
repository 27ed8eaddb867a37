import { expect, it } from 'vitest';
import { pairs, table, visible } from './table.ts';

it('aligns columns under their heads, without blanks at the end', () => {
  const columns = [
    { head: 'NAME', cell: ({ name }: { name: string }) => name },
    { head: 'COUNT', cell: ({ name }: { name: string }) => name.length, align: 'right' as const },
    { head: 'NOTE', cell: () => 'x' },
  ];
  expect(table(columns, [{ name: 'bo' }, { name: '世界の友人たち!!!' }])).toBe(
    ['NAME               COUNT  NOTE', 'bo                     2  x', '世界の友人たち!!!     10  x'].join('\n'),
  );
  expect(table(columns, [], 'nobody')).toBe('nobody');
  expect(
    pairs([
      ['a', 1],
      ['longer', 'two'],
    ]),
  ).toBe('a       1\nlonger  two');
});

it('shows what a terminal would act on', () => {
  expect(visible('a\u001b[2Jb\nc\u202ed é世')).toBe('a\\u001b[2Jb\\u000ac\\u202ed é世');
  expect(table([{ head: 'X', cell: (text: string) => text }], ['one\u001b[2J'])).toBe('X\none\\u001b[2J');
  expect(pairs([['x', 'one\ntwo']])).toBe('x  one\\u000atwo');
});
