import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild } from './child.ts';
import { freePort } from './ports.ts';
import { GiveUp, waitFor } from './wait.ts';

/** Why HAProxy cannot be started here; null where it can. */
export const NO_HAPROXY: string | null = (() => {
  try {
    execFileSync('haproxy', ['-v'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'haproxy is not on the PATH';
  }
})();

export interface HaproxyOptions {
  readonly mode: 'tcp' | 'http';
  readonly relayPort: number;
  /** Lines of the section `defaults`. */
  readonly defaults?: readonly string[];
  /** Behind `server relay address`. */
  readonly server?: string;
}

export interface Haproxy {
  readonly port: number;
  stop(): Promise<number>;
}

/** HAProxy in front of a relay, returned when it listens. */
export async function startHaproxy({ mode, relayPort, defaults = [], server = '' }: HaproxyOptions): Promise<Haproxy> {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-haproxy-'));
  const port = await freePort();
  const file = join(folder, 'haproxy.cfg');
  const settings = [`mode ${mode}`, 'timeout connect 5s', 'timeout client 60s', 'timeout server 60s', ...defaults];
  const config = ['defaults', ...settings, 'listen front', `bind 127.0.0.1:${port}`];
  writeFileSync(file, `${config.join('\n')}\nserver relay 127.0.0.1:${relayPort} ${server}\n`);
  const child = startChild('haproxy', ['-db', '-f', file], { folder });
  try {
    await waitFor(() => accepts(port, child.isAlive()), { what: `HAProxy listens:\n${child.tail()}` });
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return {
    port,
    stop: async () => {
      const code = await child.stop('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
      return code;
    },
  };
}

function accepts(port: number, isAlive: boolean): Promise<boolean> {
  if (!isAlive) throw new GiveUp('HAProxy has ended');
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
