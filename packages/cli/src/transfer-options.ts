import { InvalidArgumentError, Option } from 'commander';
import { Failure } from './failure.ts';
import type { RelayOptions } from './session.ts';
import { TransferReport } from './transfer-report.ts';
import { parseDuration } from './units.ts';

/** Milliseconds that a lost transfer waits for the other end unless told otherwise. */
const RESUME_MS = 120_000;

export interface TransferOptions extends RelayOptions {
  /** Milliseconds. */
  readonly resumeFor: number;
}

export const resumeOption = (): Option =>
  new Option('--resume-for <duration>', 'wait so long for the other side after a lost connection')
    .default(RESUME_MS, '2m')
    .argParser(duration);

/** Milliseconds, as a duration on the command line. */
export function duration(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw error instanceof Failure ? new InvalidArgumentError(error.message) : error;
  }
}

/** @param records where JSON goes: stdout, unless the file goes there */
export function newReport(
  { json }: RelayOptions,
  verb: 'sent' | 'received',
  records: NodeJS.WritableStream = process.stdout,
): TransferReport {
  const isTerminal = process.stderr.isTTY;
  return new TransferReport({
    style: json ? 'json' : isTerminal ? 'bar' : 'lines',
    verb,
    columns: () => process.stderr.columns ?? 80,
    stderr: (text) => void process.stderr.write(text),
    record: (record) => void records.write(`${JSON.stringify(record)}\n`),
    now: () => performance.now(),
  });
}
