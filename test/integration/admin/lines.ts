import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startChild, untilReady } from '../../kit/child.ts';
import type { Relay } from '../../kit/relay.ts';
import { deferred, waitFor } from '../../kit/wait.ts';

const EXAMPLE = fileURLToPath(new URL('../../../docs/examples/foreign-relay/relay.ts', import.meta.url));

export interface LineRelay {
  readonly port: number;
  stop(): Promise<number>;
}

/** The example of a relay that is not ours, as a process of its own. */
export async function startLineRelay(name: string, realm: string, { adminUrl }: Relay): Promise<LineRelay> {
  const listening = deferred<{ port: number }>();
  const env = { PATH: process.env.PATH, ADMIN: adminUrl, TOKEN: 'act', REALM: realm, NAME: name };
  const onLine = (line: string): void => {
    if (line.startsWith('{')) listening.resolve(JSON.parse(line) as { port: number });
  };
  const child = startChild(process.execPath, [EXAMPLE], { env, onLine });
  await untilReady(child, listening.promise, 'the line relay', 20_000);
  return { port: (await listening.promise).port, stop: () => child.stop('SIGTERM') };
}

export interface LineClient {
  say(line: string): void;
  /** The next line that was not handed out yet. */
  next(): Promise<string>;
  readonly closed: Promise<void>;
  stop(): void;
}

export function joinLines({ port }: LineRelay): LineClient {
  const socket = connect(port, '127.0.0.1');
  const lines: string[] = [];
  const closed = deferred<void>();
  createInterface({ input: socket }).on('line', (line) => lines.push(line));
  socket.on('error', () => socket.destroy());
  socket.on('close', () => closed.resolve());
  return {
    say: (line) => void socket.write(`${line}\n`),
    next: () => waitFor(() => lines.shift(), { what: 'a line comes', timeoutMs: 20_000 }),
    closed: closed.promise,
    stop: () => void socket.destroy(),
  };
}
