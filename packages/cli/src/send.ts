import { buffer } from 'node:stream/consumers';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { print } from './output.ts';
import { ATTEMPTS, type RelayOptions, withClient } from './session.ts';

export interface SendCommandOptions extends RelayOptions {
  readonly store: boolean;
  /** Milliseconds for everything. */
  readonly timeout: number;
}

/** Sends one message and prints its receipt. */
export async function send(to: string, text: string | undefined, options: SendCommandOptions): Promise<number> {
  const data = text ?? (await readStdin());
  return withClient(options, ATTEMPTS, async (client) => {
    const deadline = AbortSignal.timeout(options.timeout);
    const receipt = client.send(to, data, { store: options.store, signal: deadline });
    const started = client.start({ signal: deadline });
    const [outcome, start] = await Promise.allSettled([receipt, started]);
    if (start.status === 'rejected') throw start.reason;
    if (outcome.status === 'rejected') throw outcome.reason;
    const { id, status } = outcome.value;
    await print(options.json ? JSON.stringify({ to, id: String(id), status }) : status);
    return ExitCode.ok;
  });
}

async function readStdin(): Promise<Uint8Array> {
  if (process.stdin.isTTY) {
    process.stderr.write('causeway: reading the message from the terminal, Ctrl-D ends it\n');
  }
  const data = await buffer(process.stdin);
  if (data.length === 0) throw new Failure(ExitCode.usage, 'nothing to send: no text was given and stdin is empty');
  return data;
}
