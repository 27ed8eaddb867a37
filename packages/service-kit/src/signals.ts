import { ExitCode } from './exit-codes.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Logger } from './logger.ts';

/** What of `process` is used. */
export interface Process {
  on(event: string, listener: (argument: unknown) => void): unknown;
  exit(code: number): void;
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Ends the process: at the first SIGTERM or SIGINT all parts are stopped (exit 0, or 70 where that fails), at the second
 * it exits at once (70). An error that nobody caught leaves a state that nobody knows: fatal, 70.
 */
export function exitOnSignals(
  lifecycle: Pick<Lifecycle, 'stop'>,
  logger: Pick<Logger, 'info' | 'fatal'>,
  target: Process = process,
): void {
  let asked = false;
  for (const signal of SIGNALS) {
    target.on(signal, () => {
      if (asked) {
        logger.fatal({ signal }, 'second signal: exiting at once');
        target.exit(ExitCode.failure);
        return;
      }
      asked = true;
      logger.info({ signal }, 'stopping');
      void lifecycle.stop().then((clean) => target.exit(clean ? ExitCode.ok : ExitCode.failure));
    });
  }
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    target.on(event, (error) => {
      logger.fatal({ err: error, event }, 'uncaught error');
      target.exit(ExitCode.failure);
    });
  }
}
