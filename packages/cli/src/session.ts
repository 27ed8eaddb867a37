import { type Client, type ClientOptions, createClient, type Logger } from '@causeway/client';
import { InvalidArgumentError, Option } from 'commander';
import { type CredentialOptions, readCredentials } from './credentials.ts';
import { ExitCode } from './exit-codes.ts';
import { Failure, NO_RELAY } from './failure.ts';

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
  const client = await newClient(options, { maxAttempts });
  return untilSignal(
    client,
    () => void client.stop(),
    () => work(client),
  );
}

/**
 * Runs `work` with a client that comes back from the loss of its relay quickly and for as long as it takes. Ctrl-C
 * aborts the signal, so that `work` can take leave of the other end; a second one ends the program at once.
 */
export async function withLastingClient(
  options: RelayOptions,
  work: (client: Client, interrupted: AbortSignal) => Promise<number>,
): Promise<number> {
  const client = await newClient(options, { backoff: LASTING_BACKOFF });
  const control = new AbortController();
  return untilSignal(
    client,
    () => control.abort(),
    async () => {
      await startSoon(client, options, control.signal);
      return work(client, control.signal);
    },
  );
}

/** Milliseconds. People wait for a transfer to go on. */
const LASTING_BACKOFF = { minMs: 250, maxMs: 5000 };

/** The first connection must come as soon as that of a command that does not last. @throws Failure, ConnectionError */
async function startSoon(client: Client, { url }: RelayOptions, signal: AbortSignal): Promise<void> {
  let failures = 0;
  const off = client.on('status', (status) => {
    failures += status === 'waiting' ? 1 : 0;
    if (failures === ATTEMPTS) void client.stop();
  });
  try {
    await client.start({ signal });
  } catch (error) {
    if (failures < ATTEMPTS) throw error;
    throw new Failure(ExitCode.unreachable, `no relay could be reached at ${url.join(', ')}\n${NO_RELAY}`);
  } finally {
    off();
  }
}

async function newClient(options: RelayOptions, more: Partial<ClientOptions>): Promise<Client> {
  const credentials = await readCredentials(options);
  return createClient({
    ...credentials,
    url: options.url,
    realm: options.realm,
    ...(options.as !== undefined && { peer: options.as }),
    logger: stderrLogger(options.verbose ?? false),
    ...more,
  });
}

async function untilSignal(client: Client, end: () => void, work: () => Promise<number>): Promise<number> {
  let signalled: number | null = null;
  const handlers = Object.entries(SIGNALS).map(([signal, exitCode]) => {
    const onSignal = (): void => {
      signalled = exitCode;
      end();
    };
    process.once(signal, onSignal);
    return { signal, onSignal };
  });
  try {
    const exitCode = await work();
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
