import { type Client, createClient, type Logger } from '@causeway/client';
import { InvalidArgumentError, Option } from 'commander';
import { type CredentialOptions, readCredentials } from './credentials.ts';

/** The options of every command that talks to a relay. */
export interface RelayOptions extends CredentialOptions {
  readonly url: readonly string[];
  readonly realm: string;
  readonly as?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

export const urlOption = (): Option =>
  new Option('--url <urls>', 'relay URL, or several with commas between them')
    .env('CAUSEWAY_URL')
    .default(['ws://127.0.0.1:7070'], 'ws://127.0.0.1:7070')
    .argParser((text: string) => text.split(','));

/** Fails early enough for a script when there is no relay: three attempts, some seconds. */
export const ATTEMPTS = 3;

/** Timers reach no further. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/** Runs `work` with a client that is not started yet. Ctrl-C stops the client, and with it `work`. */
export async function withClient(
  options: RelayOptions,
  maxAttempts: number,
  work: (client: Client) => Promise<number>,
): Promise<number> {
  const credentials = await readCredentials(options);
  const client = createClient({
    ...credentials,
    url: options.url,
    realm: options.realm,
    ...(options.as !== undefined && { peer: options.as }),
    maxAttempts,
    logger: stderrLogger(options.verbose ?? false),
  });
  let signalled: number | null = null;
  const handlers = Object.entries(SIGNALS).map(([signal, exitCode]) => {
    const onSignal = (): void => {
      signalled = exitCode;
      void client.stop();
    };
    process.once(signal, onSignal);
    return { signal, onSignal };
  });
  try {
    const exitCode = await work(client);
    return signalled ?? exitCode;
  } catch (error) {
    if (signalled === null) throw error;
    return signalled;
  } finally {
    await client.stop();
    for (const { signal, onSignal } of handlers) process.off(signal, onSignal);
  }
}

/** Warnings on stderr, where they do not mix with what a script reads. */
function stderrLogger(verbose: boolean): Logger {
  const write = (message: string, fields: Record<string, unknown> = {}): void => {
    const details = Object.entries(fields).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
    process.stderr.write(`causeway: ${message}${details.join('')}\n`);
  };
  const ignore = (): void => undefined;
  return { debug: ignore, info: verbose ? write : ignore, warn: write, error: verbose ? write : ignore };
}

/** Seconds on the command line, milliseconds in the program. */
export const timeoutOption = (): Option =>
  new Option('--timeout <seconds>', 'give up after so long').default(30_000, '30').argParser((text: string) => {
    const milliseconds = Math.ceil(Number(text) * 1000);
    if (milliseconds > 0 && milliseconds <= MAX_TIMER_MS) return milliseconds;
    throw new InvalidArgumentError(
      `a number of seconds above 0 and up to ${Math.floor(MAX_TIMER_MS / 1000)} is needed`,
    );
  });

export function count(text: string): number {
  const value = Number(text);
  if (!(Number.isSafeInteger(value) && value > 0)) throw new InvalidArgumentError('a whole number above 0 is needed');
  return value;
}
