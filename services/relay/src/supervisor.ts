import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createLogger, ExitCode, type Logger, listenOn, PortInUse } from '@causeway/service-kit';
import type { RelayConfig } from './config.ts';

const FIRST_RESTART_MS = 500;
const LAST_RESTART_MS = 15_000;
/** A process that ran for this long is restarted at once. */
const STABLE_MS = 60_000;

/** A process that ends with one of these would end so again. */
const HOPELESS: readonly (number | null)[] = [ExitCode.badConfig, ExitCode.portInUse];

/**
 * Several relay processes behind one shared port, each a full node: they are restarted when they fail, and end together.
 * No worker threads: uWebSockets.js takes the whole process down when one that uses it ends.
 */
export async function supervise(config: RelayConfig): Promise<void> {
  const logger = createLogger({ service: 'supervisor', level: config.logLevel });
  const sharedPort = config.sharedPort ?? config.port;
  await refuseTakenPort(config.host, sharedPort, logger);
  const supervisor = new Supervisor(config, sharedPort, logger);
  process.on('SIGTERM', () => supervisor.stop('SIGTERM'));
  process.on('SIGINT', () => supervisor.stop('SIGTERM'));
  // A relay that serves TLS looks at its certificate then; for any other the signal is the end.
  if (config.tlsCertFile !== null) process.on('SIGHUP', () => supervisor.signal('SIGHUP'));
  supervisor.start();
}

/** A shared port never says that it is taken, so it is tried once in the way that does. */
async function refuseTakenPort(host: string, port: number, logger: Logger): Promise<void> {
  const probe = createServer();
  try {
    await listenOn(probe, host, port);
  } catch (error) {
    logger.fatal({ reason: String(error instanceof Error ? error.message : error) }, 'the relay could not start');
    process.exit(error instanceof PortInUse ? ExitCode.portInUse : ExitCode.failure);
  }
  await new Promise((resolve) => probe.close(resolve));
}

class Supervisor {
  private readonly config: RelayConfig;
  private readonly sharedPort: number;
  private readonly logger: Logger;
  private readonly children = new Map<number, ChildProcess>();
  private readonly restarts = new Map<number, NodeJS.Timeout>();
  private exitCode: number = ExitCode.ok;
  private stopping = false;

  constructor(config: RelayConfig, sharedPort: number, logger: Logger) {
    this.config = config;
    this.sharedPort = sharedPort;
    this.logger = logger;
  }

  start(): void {
    for (let index = 0; index < this.config.processes; index += 1) this.spawn(index, FIRST_RESTART_MS);
  }

  signal(signal: NodeJS.Signals): void {
    for (const child of this.children.values()) child.kill(signal);
  }

  /** A second call ends the children at once. */
  stop(signal: NodeJS.Signals): void {
    const how = this.stopping ? 'SIGKILL' : signal;
    this.stopping = true;
    for (const timer of this.restarts.values()) clearTimeout(timer);
    this.restarts.clear();
    this.signal(how);
    this.exitWhenDone();
  }

  private spawn(index: number, restartAfter: number): void {
    const startedAt = performance.now();
    const child = spawn(process.execPath, [...process.execArgv, mainFile(), ...process.argv.slice(2)], {
      env: this.environment(index),
      // The channel says nothing; its end tells a child that its supervisor is gone.
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.children.set(index, child);
    const over = (code: number | null, signal: NodeJS.Signals | null): void => {
      // A process that could not be started reports an error, and may report its end as well.
      if (this.children.get(index) !== child) return;
      this.children.delete(index);
      const wait = performance.now() - startedAt > STABLE_MS ? FIRST_RESTART_MS : restartAfter;
      this.ended(index, code, signal, wait);
    };
    child.on('error', (error) => {
      this.logger.error({ index, err: error }, 'a relay process could not be started');
      over(null, null);
    });
    child.on('exit', over);
  }

  private environment(index: number): NodeJS.ProcessEnv {
    const { adminPort } = this.config;
    return {
      ...process.env,
      CAUSEWAY_PROCESSES: '1',
      CAUSEWAY_SHARED_PORT: String(this.sharedPort),
      CAUSEWAY_PORT: '0',
      CAUSEWAY_ADMIN_PORT: String(adminPort === 0 ? 0 : adminPort + index),
    };
  }

  private ended(index: number, code: number | null, signal: NodeJS.Signals | null, wait: number): void {
    if (this.stopping) {
      if (code !== ExitCode.ok) this.exitCode ||= ExitCode.failure;
      return this.exitWhenDone();
    }
    const ending = { index, code, signal, restartInMs: wait };
    // One that the operator had drained leaves in good order, and comes back like the others.
    if (code === ExitCode.ok) this.logger.info(ending, 'a relay process has drained');
    else this.logger.error(ending, 'a relay process ended');
    if (HOPELESS.includes(code)) {
      this.exitCode = code ?? ExitCode.failure;
      return this.stop('SIGTERM');
    }
    const next = Math.min(LAST_RESTART_MS, wait * 2);
    this.restarts.set(
      index,
      setTimeout(() => {
        this.restarts.delete(index);
        this.spawn(index, next);
      }, wait),
    );
  }

  private exitWhenDone(): void {
    if (this.children.size === 0) process.exit(this.exitCode);
  }
}

function mainFile(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`./main.${extension}`, import.meta.url));
}
