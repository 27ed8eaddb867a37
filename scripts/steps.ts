/** The steps of `npm test`, in order, and how the outcome of each is counted. */

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The part of vitest's JSON report that is counted. */
export interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    /** Why a file could not be run; empty where it was. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[] | null;
    }[];
  }[];
}

export interface Step {
  readonly name: string;
  /** Program in node_modules/.bin, then its arguments. */
  readonly command: readonly [string, ...string[]];
  /** A vitest step is counted by its tests, any other as one. */
  readonly vitest: boolean;
}

export const STEPS: readonly Step[] = [
  { name: 'typecheck', command: ['tsc', '--noEmit', '-p', 'tsconfig.json'], vitest: false },
  { name: 'lint', command: ['biome', 'check', '.'], vitest: false },
  ...['unit', 'architecture', 'simulation', 'contract', 'integration', 'chaos', 'e2e'].map(vitestStep),
];

function vitestStep(name: string): Step {
  return { name, command: ['vitest', 'run', '--project', name, '--retry=0'], vitest: true };
}

/** Steps by name, in the order of STEPS; all where no name is given. Throws for a name that is none. */
export function selectSteps(names: readonly string[]): readonly Step[] {
  const unknown = names.filter((name) => !STEPS.some((step) => step.name === name));
  if (unknown.length > 0) {
    throw new RangeError(`unknown step ${unknown.join(', ')}: choose from ${STEPS.map(({ name }) => name).join(', ')}`);
  }
  return names.length === 0 ? STEPS : STEPS.filter((step) => names.includes(step.name));
}

export function countStatic(exitCode: number): Counts {
  return exitCode === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

/**
 * A run that crashed (no report), that ran no test, or that failed outside of a test (a suite that could not be loaded,
 * an unhandled rejection) counts as one failure more: it must not pass for want of a failed test.
 */
export function countVitest(report: VitestReport | null, exitCode: number): Counts {
  if (report === null) return { passed: 0, failed: 1, skipped: 0 };
  const passed = report.numPassedTests;
  const failed = report.numFailedTests;
  const unaccounted = passed + failed === 0 || (exitCode !== 0 && failed === 0);
  return { passed, failed: failed + (unaccounted ? 1 : 0), skipped: report.numPendingTests + report.numTodoTests };
}

export function sum(all: readonly Counts[]): Counts {
  return all.reduce(
    (total, { passed, failed, skipped }) => ({
      passed: total.passed + passed,
      failed: total.failed + failed,
      skipped: total.skipped + skipped,
    }),
    { passed: 0, failed: 0, skipped: 0 },
  );
}

/** What failed in a vitest run, a text each: where and how. Told again at the end, as the output above it is long. */
export function failuresOf(report: VitestReport | null): readonly string[] {
  if (report === null) return [];
  return report.testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((result) => result.status === 'failed');
    if (failed.length === 0) return status === 'failed' ? [`${name}: ${message}`] : [];
    return failed.map(({ fullName, failureMessages }) =>
      [`${name}: ${fullName}`, ...(failureMessages ?? []).map((text) => indent(text))].join('\n'),
    );
  });
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}

/** "12 passed, 0 failed", with ", 1 skipped" only where something was. */
export function describe({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
