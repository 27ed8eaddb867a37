import { fork } from 'node:child_process';
import { once } from 'node:events';
import { waitFor } from '../../kit/wait.ts';
import type { FromPeers, PeerReport, StormJob, StormStatus, ToPeers } from './job.ts';

const MAIN = new URL('./peers.ts', import.meta.url);

/** The process that holds the peers, seen from outside. */
export class Crowd {
  readonly #child = fork(MAIN);

  start(job: Omit<StormJob, 'type'>): void {
    this.#child.send({ type: 'start', ...job } satisfies ToPeers);
  }

  async until(what: string, test: (status: StormStatus) => boolean, timeoutMs = 120_000): Promise<void> {
    await waitFor(async () => test(await this.#ask<StormStatus>({ type: 'status' })), { what, timeoutMs });
  }

  async report(): Promise<readonly PeerReport[]> {
    return (await this.#ask<Extract<FromPeers, { type: 'report' }>>({ type: 'report' })).peers;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  async #ask<Answer extends FromPeers>(question: ToPeers): Promise<Answer> {
    const answered = once(this.#child, 'message');
    this.#child.send(question);
    const [answer] = (await answered) as [Answer];
    return answer;
  }
}
