/** HAProxy and nginx with their configurations of `deploy/`: only names, ports, paths and sizes are those of this machine. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChild } from '../../kit/child.ts';
import { freePorts } from '../../kit/ports.ts';
import { GiveUp, waitFor } from '../../kit/wait.ts';
import { missing } from './programs.ts';

const DEPLOY = fileURLToPath(new URL('../../../deploy/', import.meta.url));

export interface Front {
  readonly port: number;
  stop(): Promise<void>;
}

export interface FrontKind {
  readonly name: string;
  /** Why it cannot be started here; null where it can. */
  readonly missing: string | null;
  /** What the relays need to be told of it. */
  readonly env: Readonly<Record<string, string>>;
  start(relayPorts: readonly number[]): Promise<Front>;
}

/** Replaces each pattern, which must be there: a file that says something else now is no longer what is tested. */
function adapt(file: string, replacements: readonly (readonly [RegExp, string])[]): string {
  return replacements.reduce(
    (text, [pattern, replacement]) => {
      const adapted = text.replace(pattern, replacement);
      if (adapted === text) throw new Error(`${file} has nothing like ${pattern}`);
      return adapted;
    },
    readFileSync(join(DEPLOY, file), 'utf8'),
  );
}

const relays = (ports: readonly number[]): (readonly [RegExp, string])[] =>
  ports.map((port, index) => [new RegExp(`\\brelay${index + 1}:7070`, 'g'), `127.0.0.1:${port}`]);

interface Program {
  readonly command: string;
  readonly port: number;
  config(folder: string): string;
  args(file: string): string[];
  /** Whether it is, beyond passing on a request. */
  isReady?(): Promise<boolean>;
}

async function startFront({ command, port, config, args, isReady }: Program): Promise<Front> {
  const folder = mkdtempSync(join(tmpdir(), `causeway-${command}-`));
  const file = join(folder, 'front.conf');
  writeFileSync(file, config(folder));
  const child = startChild(command, args(file), { folder });
  const listens = async (): Promise<boolean> => {
    if (!child.isAlive()) throw new GiveUp(`${command} has ended:\n${child.tail()}`);
    return (await fetch(`http://127.0.0.1:${port}/health`)).ok && (isReady === undefined || isReady());
  };
  const stop = async (): Promise<void> => {
    await child.stop('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await waitFor(listens, { what: `${command} passes on a request` });
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, stop };
}

const HAPROXY: FrontKind = {
  name: 'HAProxy',
  missing: missing('haproxy', '-v'),
  env: { CAUSEWAY_TRUSTED_PROXIES: '127.0.0.1', CAUSEWAY_PROXY_PROTOCOL: 'v2' },
  async start(relayPorts) {
    const [port, statsPort] = (await freePorts(2)) as [number, number];
    const config = () =>
      adapt('haproxy/haproxy.cfg', [
        [/bind :7070/, `bind 127.0.0.1:${port}`],
        [/bind :8404/, `bind 127.0.0.1:${statsPort}`],
        [/maxconn 50000/, 'maxconn 1000'],
        [/maxconn 45000/, 'maxconn 900'],
        ...relays(relayPorts),
      ]);
    const isReady = async (): Promise<boolean> => {
      const metrics = await (await fetch(`http://127.0.0.1:${statsPort}/metrics`)).text();
      return metrics.includes(`haproxy_backend_active_servers{proxy="relays"} ${relayPorts.length}`);
    };
    return startFront({ command: 'haproxy', port, config, args: (file) => ['-db', '-f', file], isReady });
  },
};

const NGINX: FrontKind = {
  name: 'nginx',
  missing: missing('nginx', '-v'),
  env: { CAUSEWAY_TRUSTED_PROXIES: '127.0.0.1' },
  async start(relayPorts) {
    const [port] = (await freePorts(1)) as [number];
    const config = (folder: string) =>
      adapt('nginx/nginx.conf', [
        [/listen 7070/, `listen 127.0.0.1:${port}`],
        [/pid \S+;/, `pid ${folder}/nginx.pid;`],
        [/worker_rlimit_nofile \d+;/, ''],
        [/worker_connections \d+;/, 'worker_connections 500;'],
        ...relays(relayPorts),
      ]);
    return startFront({ command: 'nginx', port, config, args: (file) => ['-c', file, '-g', 'daemon off;'] });
  },
};

export const FRONTS: readonly FrontKind[] = [HAPROXY, NGINX];
