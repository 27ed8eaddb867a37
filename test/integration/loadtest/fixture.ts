import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type K6Options, NO_K6, readReport, startK6 } from '../../kit/k6.ts';

if (NO_K6 !== null) console.warn(`the load tests are not tried: ${NO_K6}`);

export interface Outcome {
  readonly code: number;
  readonly report: ReturnType<typeof readReport>;
  readonly output: string;
  /** Files that it left. */
  readonly folder: string;
}

/** k6 with a scenario, its reports in a folder that `end` removes. */
export class LoadTests {
  readonly #folders: string[] = [];

  async start(
    scenario: string,
    settings: Readonly<Record<string, string>>,
    more: Partial<K6Options> = {},
  ): Promise<Outcome> {
    const out = mkdtempSync(join(tmpdir(), 'causeway-k6-'));
    this.#folders.push(out);
    const lines: string[] = [];
    const code = await startK6({ scenario, settings, out, onLine: (line) => lines.push(line), ...more }).exited;
    return { code, report: readReport(out), output: lines.join('\n'), folder: out };
  }

  end(): void {
    for (const folder of this.#folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  }
}

/** Its count at the end of the run. */
export function count({ report }: Outcome, metric: string): number | undefined {
  return report.metrics[metric]?.count;
}

/** The metrics of which a threshold was missed. */
export function missed({ report }: Outcome): string[] {
  return report.checks.filter(({ ok }) => !ok).map(({ metric }) => metric);
}
