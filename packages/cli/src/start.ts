import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';

export interface StartOptions {
  readonly port?: string;
  readonly redis?: string;
}

/** Where this package lies in a clone of the repository. */
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Runs a relay until it ends, and ends with its exit code. */
export async function start(options: StartOptions): Promise<number> {
  const main = join(ROOT, 'services', 'relay', 'src', 'main.ts');
  if (!existsSync(main)) {
    throw new Failure(
      ExitCode.unreachable,
      'the relay is not installed here: run this command in a clone of the repository, or run the container image',
    );
  }
  // The relay needs Node 22, which the repository pins; this command runs on Node 20 too.
  const pinned = join(ROOT, 'node_modules', '.bin', 'node');
  const node = existsSync(pinned) ? pinned : process.execPath;
  const relay = spawn(node, [main], { stdio: 'inherit', env: relayEnv(process.env, options) });
  const forward = (signal: NodeJS.Signals): void => void relay.kill(signal);
  // A terminal sends Ctrl-C to both: the relay drains, and this process waits for it.
  const wait = (): void => undefined;
  process.on('SIGTERM', forward);
  process.on('SIGINT', wait);
  try {
    const [code, signal] = (await once(relay, 'exit')) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  } finally {
    process.off('SIGTERM', forward);
    process.off('SIGINT', wait);
  }
}

/** What this command reads itself: a relay has no use for it, least of all for a token. */
const OWN = [
  'CAUSEWAY_URL',
  'CAUSEWAY_SECRET',
  'CAUSEWAY_ADMIN_URL',
  'CAUSEWAY_ADMIN_TOKEN',
  'CAUSEWAY_ADMIN_TOKEN_FILE',
];

/** The environment of the relay that is started. */
export function relayEnv(env: NodeJS.ProcessEnv, options: StartOptions): NodeJS.ProcessEnv {
  return {
    ...Object.fromEntries(Object.entries(env).filter(([name]) => !OWN.includes(name))),
    ...(options.port !== undefined && { CAUSEWAY_PORT: options.port }),
    ...(options.redis !== undefined && { CAUSEWAY_REDIS_URL: options.redis }),
  };
}
