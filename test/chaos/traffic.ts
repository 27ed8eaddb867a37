import type { Rng } from '../kit/rng.ts';
import { stopAll } from '../kit/start-all.ts';
import { type Deferred, deferred, within } from '../kit/wait.ts';
import { Gate } from './gate.ts';
import type { History } from './history.ts';
import { Recorder } from './recorder.ts';

export interface TrafficOptions {
  readonly ports: readonly number[];
  readonly rng: Rng;
  readonly clients?: number;
}

/** A client and its way to the relays. */
export interface Party {
  readonly recorder: Recorder;
  readonly gate: Gate;
}

const CLIENTS = 12;
/** Recipients of each client. */
const FAN_OUT = 2;
const TICK_MS = 20;
/** Most that a client sends to one recipient in one tick. */
const BURST = 7;
/** Of one client without an outcome; beyond it the client waits. */
const MAX_UNDER_WAY = 200;
/** Generous: it bounds a failing run, it is no assertion about speed. */
const BUSY_TIMEOUT_MS = 30_000;

/** Clients that send to each other without a pause, in random bursts. */
export class Traffic {
  readonly parties: readonly Party[];
  readonly #rng: Rng;
  #timer: NodeJS.Timeout | undefined;
  #busy: { readonly underWay: number; readonly reached: Deferred<void> } | null = null;

  private constructor(parties: readonly Party[], rng: Rng) {
    this.parties = parties;
    this.#rng = rng;
  }

  static async start({ ports, rng, clients = CLIENTS }: TrafficOptions): Promise<Traffic> {
    const parties = await Promise.all(
      Array.from({ length: clients }, async (_, index) => {
        const own = rng.fork();
        const gate = await new Gate(ports, own.fork()).start();
        return { gate, recorder: new Recorder({ url: gate.url, peer: `peer-${index}`, rng: own }) };
      }),
    );
    await Promise.all(parties.map(({ recorder }) => recorder.start()));
    return new Traffic(parties, rng);
  }

  /** Messages without an outcome. */
  get underWay(): number {
    return this.parties.reduce((sum, { recorder }) => sum + recorder.underWay, 0);
  }

  get recorders(): readonly Recorder[] {
    return this.parties.map(({ recorder }) => recorder);
  }

  run(): void {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  pause(): void {
    clearInterval(this.#timer);
  }

  /** Resolves in the moment in which so many messages have no outcome. */
  async untilUnderWay(underWay: number): Promise<void> {
    const reached = deferred<void>();
    this.#busy = { underWay, reached };
    await within(reached.promise, BUSY_TIMEOUT_MS, () => `${underWay} messages under way, ${this.underWay} are`);
  }

  take(): History[] {
    return this.recorders.map((recorder) => recorder.take());
  }

  async stop(): Promise<void> {
    this.pause();
    await stopAll(this.recorders);
    await stopAll(this.parties.map(({ gate }) => gate));
  }

  #tick(): void {
    for (const [index, { recorder }] of this.parties.entries()) {
      for (let step = 1; step <= FAN_OUT; step++) {
        const to = this.parties[(index + step * step) % this.parties.length] as Party;
        for (let left = this.#rng.int(BURST + 1); left > 0 && recorder.underWay < MAX_UNDER_WAY; left--) {
          recorder.send(to.recorder.peer);
        }
      }
    }
    if (this.#busy === null || this.underWay < this.#busy.underWay) return;
    this.#busy.reached.resolve();
    this.#busy = null;
  }
}
