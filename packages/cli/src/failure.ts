import { CausewayError, ConnectionError, RefusedError, UsageError } from '@causeway/client';
import { ExitCode } from './exit-codes.ts';

/** Ends a command with an exit code and one line on stderr. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** How a command ends that failed with `error`. An error that is not of our making goes on, with its stack. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (!(error instanceof CausewayError)) throw error;
  return new Failure(exitCodeOf(error), error.message);
}

function exitCodeOf(error: CausewayError): number {
  if (error instanceof UsageError) return ExitCode.usage;
  if (error instanceof RefusedError) return ExitCode.refused;
  if (error instanceof ConnectionError) return error.retryable ? ExitCode.unreachable : ExitCode.denied;
  return ExitCode.temporary;
}
