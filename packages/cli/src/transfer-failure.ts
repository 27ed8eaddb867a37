import { failureOf } from './failure.ts';
import type { RelayOptions } from './session.ts';
import type { TransferReport } from './transfer-report.ts';

/** Leaves a clean line behind, and tells a program of a failure as a record, too. */
export async function failing(
  { json }: RelayOptions,
  report: TransferReport,
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!json) throw error;
    const failure = failureOf(error);
    report.failed(failure);
    throw failure;
  } finally {
    report.end();
  }
}
