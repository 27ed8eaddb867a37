import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import pretty from 'pino-pretty';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type { Logger } from 'pino';

export interface LoggerOptions {
  readonly service: string;
  /** Left out where a process names its node with a child logger. */
  readonly node?: string;
  readonly level: LogLevel;
}

/** One line of JSON for each record on stdout, prettier on a terminal. Written at once: the last words are not lost. */
export function createLogger(options: LoggerOptions, destination: DestinationStream = standardOutput()): Logger {
  return pino(
    {
      level: options.level,
      base: { service: options.service, ...(options.node === undefined ? {} : { node: options.node }) },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
}

function standardOutput(): DestinationStream {
  if (process.stdout.isTTY)
    return pretty({
      sync: true,
      ignore: 'service,node',
      // Lines to be copied from the terminal: as they are, not as JSON.
      customPrettifiers: { try: (hints) => `\n      ${(hints as unknown as string[]).join('\n      ')}` },
    });
  return pino.destination({ dest: 1, sync: true });
}
