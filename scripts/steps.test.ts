import { expect, describe as group, test } from 'vitest';
import vitestConfig from '../vitest.config.ts';
import { countStatic, countVitest, describe, failuresOf, STEPS, selectSteps, sum } from './steps.ts';

const report = (numPassedTests: number, numFailedTests: number, numPendingTests = 0, numTodoTests = 0) => ({
  numPassedTests,
  numFailedTests,
  numPendingTests,
  numTodoTests,
  testResults: [],
});

group('counting a vitest run', () => {
  test('counts its tests', () => {
    expect(countVitest(report(3, 0, 1, 1), 0)).toEqual({ passed: 3, failed: 0, skipped: 2 });
    expect(countVitest(report(3, 2), 1)).toEqual({ passed: 3, failed: 2, skipped: 0 });
  });

  test('a crash, an empty run and a failure outside of tests are failures', () => {
    expect(countVitest(null, 0).failed).toBe(1);
    expect(countVitest(report(0, 0, 4), 0).failed).toBe(1);
    expect(countVitest(report(5, 0), 1)).toEqual({ passed: 5, failed: 1, skipped: 0 });
  });
});

test('failures are told with their file, their name and their reason', () => {
  const passed = { fullName: 'rooms open', status: 'passed', failureMessages: [] };
  const failed = { fullName: 'rooms close', status: 'failed', failureMessages: ['expected 1\nto be 2'] };
  const testResults = [
    { name: 'a.test.ts', status: 'failed', message: '', assertionResults: [passed, failed] },
    { name: 'b.test.ts', status: 'failed', message: 'cannot be loaded', assertionResults: [] },
    { name: 'c.test.ts', status: 'passed', message: '', assertionResults: [passed] },
  ];
  expect(failuresOf({ ...report(2, 1), testResults })).toEqual([
    'a.test.ts: rooms close\n    expected 1\n    to be 2',
    'b.test.ts: cannot be loaded',
  ]);
  expect(failuresOf(null)).toEqual([]);
});

test('a static step counts as one', () => {
  expect(sum([countStatic(0), countStatic(2), countVitest(report(4, 0, 1), 0)])).toEqual({
    passed: 5,
    failed: 1,
    skipped: 1,
  });
});

test('steps keep their order, and an unknown one is refused', () => {
  expect(selectSteps([])).toBe(STEPS);
  expect(selectSteps(['unit', 'lint']).map(({ name }) => name)).toEqual(['lint', 'unit']);
  expect(() => selectSteps(['unit', 'units'])).toThrow(/unknown step units: choose from typecheck, /);
});

test('no project of vitest is left out', () => {
  const projects = (vitestConfig.test?.projects ?? []) as { readonly test: { readonly name: string } }[];
  const steps = STEPS.filter((step) => step.vitest).map((step) => step.name);
  expect(steps.sort()).toEqual(projects.map((project) => project.test.name).sort());
});

test('the last line', () => {
  expect(describe({ passed: 7, failed: 0, skipped: 0 })).toBe('7 passed, 0 failed');
  expect(describe({ passed: 7, failed: 1, skipped: 2 })).toBe('7 passed, 1 failed, 2 skipped');
});
