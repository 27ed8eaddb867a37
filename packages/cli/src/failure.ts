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
  const message = error.code === 'unreachable' ? `${error.message}\n${NO_RELAY}` : error.message;
  return new Failure(exitCodeOf(error), message);
}

const NO_RELAY = 'Is a relay running there? `causeway start` runs one; --url or CAUSEWAY_URL names another.';

function exitCodeOf(error: CausewayError): number {
  if (error instanceof UsageError) return ExitCode.usage;
  if (error instanceof RefusedError) return ExitCode.refused;
  if (error instanceof ConnectionError) return error.retryable ? ExitCode.unreachable : ExitCode.denied;
  return ExitCode.temporary;
}
