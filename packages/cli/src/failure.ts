import { CausewayError, ConnectionError, RefusedError, SecurityError, TunnelError, UsageError } from '@causeway/client';
import { ExitCode } from './exit-codes.ts';
import { visible } from './table.ts';
import { TransferError } from './transfer/errors.ts';

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
  if (error instanceof TransferError) return new Failure(exitCodeOfTransfer(error), visible(error.message));
  if (!(error instanceof CausewayError)) throw error;
  if (error.code !== 'unreachable') return new Failure(exitCodeOf(error), error.message);
  const isTokenOver = error instanceof ConnectionError && error.closeCode === TOKEN_OVER;
  if (isTokenOver) return new Failure(ExitCode.denied, `${error.message}\n${FRESH_TOKEN}`);
  return new Failure(ExitCode.unreachable, `${error.message}\n${NO_RELAY}`);
}

/** Close code of a token that has ended or was revoked. */
const TOKEN_OVER = 4003;
const FRESH_TOKEN = 'A fresh token is needed; the file of --token-file is read anew for each connection.';
export const NO_RELAY = 'Is a relay running there? `causeway start` runs one; --url or CAUSEWAY_URL names another.';

function exitCodeOf(error: CausewayError): number {
  if (error instanceof UsageError) return ExitCode.usage;
  if (error instanceof RefusedError) return ExitCode.refused;
  if (error instanceof SecurityError) return error.retryable ? ExitCode.temporary : ExitCode.refused;
  if (error instanceof TunnelError) return exitCodeOfTunnel(error);
  if (error instanceof ConnectionError) return error.retryable ? ExitCode.unreachable : ExitCode.denied;
  return ExitCode.temporary;
}

function exitCodeOfTunnel({ code, retryable }: TunnelError): number {
  if (code === 'forbidden') return ExitCode.denied;
  return retryable && code !== 'peer_offline' ? ExitCode.temporary : ExitCode.refused;
}

/** What the other end has met is a refusal here. */
function exitCodeOfTransfer({ fault, byPeer }: TransferError): number {
  const isOwnDisk = fault === 'no_space' || fault === 'not_writable';
  return isOwnDisk && !byPeer ? ExitCode.output : ExitCode.refused;
}
