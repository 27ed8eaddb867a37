import type { AddressInfo } from 'node:net';
import type { Client } from '@causeway/client';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { readSecret, type SecretOptions } from './secret.ts';
import { type RelayOptions, withLastingClient } from './session.ts';
import { visible } from './table.ts';
import { formatAddress, parseAddress, parseForward } from './tunnels/addresses.ts';
import { answer, type Log, listenFor, type Protection } from './tunnels/forwarding.ts';
import { Guesses } from './tunnels/guesses.ts';

export interface ForwardCommandOptions extends RelayOptions, SecretOptions {
  /** The peer that accepts. */
  readonly to?: string;
  readonly accept?: readonly string[];
  readonly from?: readonly string[];
}

/** Forwards local ports to a peer, or accepts what peers forward. */
export async function forward(forwards: readonly string[], options: ForwardCommandOptions): Promise<number> {
  const { to, accept = [], from = [], insecure } = options;
  if ((to === undefined) === (accept.length === 0)) {
    throw new Failure(ExitCode.usage, 'either --to with what to forward, or --accept with what may be connected to');
  }
  const targets = accept.map(parseAddress).map(formatAddress);
  const parsed = forwards.map(parseForward);
  if (to !== undefined && parsed.length === 0) throw new Failure(ExitCode.usage, 'nothing to forward was named');
  if (to === undefined && parsed.length > 0) throw new Failure(ExitCode.usage, '--accept takes no forwards');
  if (to === undefined && insecure && from.length === 0) {
    throw new Failure(ExitCode.usage, '--insecure needs --from: otherwise any peer could connect');
  }
  const secret = await readSecret(options);
  const security: Protection = secret === null ? null : { kind: 'pake', secret };
  return withLastingClient(options, async (client, interrupted) => {
    if (to === undefined) {
      const peers = from.length === 0 ? null : new Set(from);
      const guesses = new Guesses(() => performance.now());
      client.onTunnel((offer) => answer(offer, { targets: new Set(targets), peers, security, guesses, log }));
      log(`accepting ${targets.join(', ')} as ${client.peer}`);
      return untilOver(client, interrupted);
    }
    const servers = [];
    try {
      for (const one of parsed) {
        const server = await listenFor(client, { ...one, peer: to, security, log, signal: interrupted });
        servers.push(server);
        const { address, port } = server.address() as AddressInfo;
        log(`${formatAddress({ host: address, port })} goes to ${formatAddress(one.target)} at ${visible(to)}`);
      }
      return await untilOver(client, interrupted);
    } catch (error) {
      throw listenFailure(error);
    } finally {
      for (const server of servers) server.close();
    }
  });
}

const log: Log = (line) => void process.stderr.write(`causeway: ${line}\n`);

/** @throws ConnectionError when the relays refuse this client for good */
async function untilOver(client: Client, interrupted: AbortSignal): Promise<number> {
  const stop = (): void => void client.stop();
  interrupted.addEventListener('abort', stop, { once: true });
  if (interrupted.aborted) stop();
  const error = await client.closed;
  if (error !== null) throw error;
  return ExitCode.ok;
}

function listenFailure(error: unknown): unknown {
  const isListening = error instanceof Error && 'syscall' in error && error.syscall === 'listen';
  return isListening ? new Failure(ExitCode.refused, error.message) : error;
}
