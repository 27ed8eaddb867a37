import { closeSync } from 'node:fs';
import type { Client, SecureTunnel } from '@causeway/client';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { type CodeOptions, showCode } from './room-code.ts';
import { type RelayOptions, withLastingClient } from './session.ts';
import { visible } from './table.ts';
import { LostError, TransferError } from './transfer/errors.ts';
import { CUT, faultOfCut } from './transfer/exchange.ts';
import { greetPipe } from './transfer/pipe.ts';
import { joinStreams } from './tunnels/half-close.ts';

const STDOUT_FD = 1;

/** Connects stdin and stdout of two machines: the first prints a code, the second is given it. */
export function pipe(code: string | undefined, options: RelayOptions & CodeOptions): Promise<number> {
  return withLastingClient(options, async (client, interrupted) => {
    try {
      const tunnel = await meet(client, code, options, interrupted);
      if (options.json) say(JSON.stringify({ type: 'peer', peer: tunnel.peer }));
      else say(`causeway: connected to ${visible(tunnel.peer)}`);
      await carry(tunnel, interrupted);
      return ExitCode.ok;
    } finally {
      // A terminal that nobody types at would keep the program alive.
      process.stdin.destroy();
    }
  });
}

async function meet(
  client: Client,
  code: string | undefined,
  options: CodeOptions,
  signal: AbortSignal,
): Promise<SecureTunnel> {
  if (code !== undefined) return client.joinRoom(code, { signal });
  const room = await client.createRoom({ signal });
  await showCode(room, 'causeway pipe', options, async (line) => say(line));
  return room.tunnel;
}

/** Stdout is what the other end has sent, and nothing else. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function carry(tunnel: SecureTunnel, signal: AbortSignal): Promise<void> {
  const interrupt = (): void => tunnel.close(`${CUT}cancelled`);
  signal.addEventListener('abort', interrupt, { once: true });
  const cut = (error: unknown): void => tunnel.close(error instanceof LostError ? 'lost' : `${CUT}not_writable`);
  try {
    const streams = await greetPipe(tunnel);
    await joinStreams(streams, { input: process.stdin, output: process.stdout, endOutput }, cut);
  } catch (error) {
    if (signal.aborted) throw new TransferError('cancelled', 'cancelled');
    if (!(error instanceof LostError)) throw outputFailure(error);
    tunnel.close('lost');
    const end = await tunnel.closed;
    const fault = end.kind === 'closed' && end.byPeer ? faultOfCut(end.reason) : null;
    throw fault ?? new Failure(ExitCode.temporary, `the connection was lost: ${error.message}`);
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}

/** Whoever reads stdout learns that it has ended, while stdin goes on. */
function endOutput(): void {
  if (!process.stdout.isTTY) process.stdout.write('', () => closeSync(STDOUT_FD));
}

function outputFailure(error: unknown): unknown {
  const isSystem = error instanceof Error && 'syscall' in error;
  return isSystem ? new Failure(ExitCode.output, `the output could not be written: ${error.message}`) : error;
}
