import type { FromGenerator, ToGenerator } from './generator/job.ts';
import { type Started, startNode } from './machine/processes.ts';

const MAIN = new URL('./generator/main.ts', import.meta.url);

/** The generator process, seen from the runner. */
export class Generator {
  readonly process: Started = startNode('generator', MAIN, [], {}, true);
  readonly #inbox: FromGenerator[] = [];
  #wake: () => void = () => {};
  #ended = false;

  constructor() {
    this.process.child.on('message', (message: FromGenerator) => {
      this.#inbox.push(message);
      this.#wake();
    });
    this.process.child.on('exit', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  ask(job: ToGenerator): void {
    this.process.child.send(job);
  }

  /** @throws Error when the job failed, or something other than `type` came */
  async next<T extends FromGenerator['type']>(type: T): Promise<Extract<FromGenerator, { type: T }>> {
    while (this.#inbox.length === 0) {
      if (this.#ended) throw new Error('the generator ended');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const message = this.#inbox.shift() as FromGenerator;
    if (message.type === 'failed') throw new Error(message.reason);
    if (message.type !== type) throw new Error(`the generator said ${message.type} instead of ${type}`);
    return message as Extract<FromGenerator, { type: T }>;
  }
}
