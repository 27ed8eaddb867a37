import type { Logger } from './logger.ts';

/** Something that is started and stopped, such as a server or a connection to a store. */
export interface Part {
  readonly name: string;
  start?(): Promise<void> | void;
  stop?(): Promise<void> | void;
}

export interface LifecycleOptions {
  readonly logger: Pick<Logger, 'debug' | 'error'>;
  /** Milliseconds for all parts together to stop in. */
  readonly stopTimeoutMs: number;
}

/** Starts parts in their order and stops those that were started in the reverse order. */
export class Lifecycle {
  readonly #parts: readonly Part[];
  readonly #options: LifecycleOptions;
  readonly #started: Part[] = [];
  #stopping: Promise<boolean> | null = null;

  constructor(parts: readonly Part[], options: LifecycleOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  /** When a part fails, those before it are stopped and its error is thrown. */
  async start(): Promise<void> {
    for (const part of this.#parts) {
      if (this.#stopping !== null) return;
      // Before it has started, so that what is half begun is stopped, too.
      this.#started.push(part);
      try {
        await part.start?.();
        this.#options.logger.debug({ part: part.name }, 'started');
      } catch (error) {
        await this.stop();
        throw error;
      }
    }
  }

  /** True when every part stopped without an error and in time. Repeated calls get the first one's answer. */
  stop(): Promise<boolean> {
    this.#stopping ??= this.#stopInTime();
    return this.#stopping;
  }

  async #stopInTime(): Promise<boolean> {
    const { logger, stopTimeoutMs } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<false>((resolve) => {
      timer = setTimeout(() => {
        logger.error({ stopTimeoutMs, waitingFor: this.#started.at(-1)?.name }, 'did not stop in time');
        resolve(false);
      }, stopTimeoutMs);
    });
    const inTime = await Promise.race([this.#stopAll(), deadline]);
    clearTimeout(timer);
    return inTime;
  }

  async #stopAll(): Promise<boolean> {
    let clean = true;
    for (let part = this.#started.at(-1); part !== undefined; part = this.#started.at(-1)) {
      try {
        await part.stop?.();
        this.#options.logger.debug({ part: part.name }, 'stopped');
      } catch (error) {
        clean = false;
        this.#options.logger.error({ part: part.name, err: error }, 'failed to stop');
      }
      this.#started.pop();
    }
    return clean;
  }
}
