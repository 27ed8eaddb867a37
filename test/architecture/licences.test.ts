import { describe, expect, test } from 'vitest';
import { isAllowed, type LockFile, productionClosure } from './licences.ts';
import { readJson, readWorkspaces } from './repository.ts';

function refused(lock: LockFile, workspaces: readonly string[]): string[] {
  return productionClosure(lock, workspaces)
    .filter((key) => !isAllowed(lock.packages[key]?.license))
    .map((key) => `${key}: ${lock.packages[key]?.license ?? 'no licence'}`);
}

test('every production dependency has a permissive licence', () => {
  const lock = readJson('package-lock.json') as unknown as LockFile;
  const shipped = [...readWorkspaces().values()].map(({ folder }) => folder);
  const closure = productionClosure(lock, shipped);
  expect(closure).toEqual(
    expect.arrayContaining(['node_modules/ioredis', 'node_modules/cborg', 'node_modules/denque']),
  );
  expect(refused(lock, shipped)).toEqual([]);
});

describe('the check', () => {
  const lock: LockFile = {
    packages: {
      'packages/a': { dependencies: { b: '1', '@causeway/c': '1' } },
      'packages/c': { optionalDependencies: { d: '1' } },
      'node_modules/@causeway/c': { link: true, resolved: 'packages/c' },
      'node_modules/b': { license: 'MIT', dependencies: { e: '1' } },
      'node_modules/b/node_modules/e': { license: 'GPL-3.0-only' },
      'node_modules/e': { license: 'MIT' },
      'node_modules/d': {},
      'node_modules/unused': { license: 'AGPL-3.0-only' },
    },
  };

  test('follows workspaces, nesting and optional dependencies', () => {
    expect(refused(lock, ['packages/a'])).toEqual([
      'node_modules/b/node_modules/e: GPL-3.0-only',
      'node_modules/d: no licence',
    ]);
  });

  test.each([
    ['MIT', true],
    ['(MIT OR GPL-3.0-only)', true],
    ['MIT AND GPL-3.0-only', false],
    ['MPL-2.0', false],
    [undefined, false],
  ])('of %s says %s', (expression, allowed) => {
    expect(isAllowed(expression)).toBe(allowed);
  });
});
