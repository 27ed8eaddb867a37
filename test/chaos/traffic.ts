import type { Rng } from '../kit/rng.ts';
import { stopAll } from '../kit/start-all.ts';
import { type Deferred, deferred, within } from '../kit/wait.ts';
import { Gate } from './gate.ts';
import type { History } from './history.ts';
import { Placement } from './placement.ts';
import { Recorder } from './recorder.ts';

export interface TrafficOptions {
  /** Of the relays. */
  readonly ports: readonly number[];
  readonly rng: Rng;
}

/** A client and its way to the relays. */
export interface Party {
  readonly recorder: Recorder;
  readonly gate: Gate;
}

export const CLIENTS = 16;
/** Each client sends to those so much further in the circle. */
const RECIPIENTS = [1, 2, 5, 7];
const TICK_MS = 50;
/** Most that a client sends in one tick; half as much in the mean, which makes about 1500 messages a second in all. */
const BURST = 9;
/** Of a client to one recipient without an outcome. All recipients together stay below the send window of a relay. */
const MAX_UNDER_WAY = 40;
/** Of the first message in a tick: clients go on sending through an outage, if less. */
const MAX_TRICKLE = 400;
/** Of what a client could send to its own node as well as to others. */
const LOCAL_SHARE = 1 / 3;
/** Generous: it bounds a failing run, it is no assertion about speed. */
const BUSY_TIMEOUT_MS = 30_000;

/**
 * Clients that send to each other without a pause, in random bursts.
 *
 * As long as any client has a recipient on another node, no more messages stay within a node than cross.
 */
export class Traffic {
  readonly parties: readonly Party[];
  readonly #rng: Rng;
  #timer: NodeJS.Timeout | undefined;
  #crossing = 0;
  #local = 0;
  #busy: { readonly underWay: number; readonly reached: Deferred<void> } | null = null;

  private constructor(parties: readonly Party[], rng: Rng) {
    this.parties = parties;
    this.#rng = rng;
  }

  static async start({ ports, rng }: TrafficOptions): Promise<Traffic> {
    const placement = new Placement(ports, rng.fork());
    const parties = await Promise.all(
      Array.from({ length: CLIENTS }, async (_, index) => {
        const own = rng.fork();
        const gate = await new Gate(placement, own.fork()).start();
        return { gate, recorder: new Recorder({ url: gate.url, peer: `peer-${index}`, rng: own }) };
      }),
    );
    await Promise.all(parties.map(({ recorder }) => recorder.start()));
    return new Traffic(parties, rng);
  }

  /** Messages without an outcome. */
  get underWay(): number {
    return this.recorders.reduce((sum, { underWay }) => sum + underWay, 0);
  }

  get recorders(): readonly Recorder[] {
    return this.parties.map(({ recorder }) => recorder);
  }

  /** To whom a client sends. */
  recipientsOf(index: number): Party[] {
    return RECIPIENTS.map((step) => this.parties[(index + step) % this.parties.length] as Party);
  }

  run(): void {
    this.#crossing = 0;
    this.#local = 0;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  pause(): void {
    clearInterval(this.#timer);
  }

  /** Resolves in the moment in which so many messages have no outcome; where they come too fast, more are sent at once. */
  async untilUnderWay(underWay: number): Promise<void> {
    const reached = deferred<void>();
    this.#busy = { underWay, reached };
    await within(reached.promise, BUSY_TIMEOUT_MS, () => `${underWay} messages under way, ${this.underWay} are`);
  }

  peek(): History[] {
    return this.recorders.map((recorder) => recorder.peek());
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
    const anyCross = this.recorders.some(({ node }) => node !== this.recorders[0]?.node);
    for (const index of this.parties.keys()) {
      let cap = MAX_TRICKLE;
      for (let left = this.#rng.int(BURST + 1); left > 0 && this.#send(index, anyCross, cap); left--)
        cap = MAX_UNDER_WAY;
    }
    if (this.#busy === null) return;
    for (let sent = true; sent && this.underWay < this.#busy.underWay; ) {
      sent = [...this.parties.keys()].filter((index) => this.#send(index, anyCross, MAX_UNDER_WAY)).length > 0;
    }
    if (this.underWay < this.#busy.underWay) return;
    this.#busy.reached.resolve();
    this.#busy = null;
  }

  /**
   * @param cap of messages under way to one recipient
   * @returns false where the client may not send now
   */
  #send(index: number, anyCross: boolean, cap: number): boolean {
    const { recorder } = this.parties[index] as Party;
    const open = this.recipientsOf(index).filter((to) => recorder.underWayTo(to.recorder.peer) < cap);
    const crossing = open.filter((to) => to.recorder.node !== recorder.node);
    const local = anyCross && this.#local >= this.#crossing ? [] : open.filter((to) => !crossing.includes(to));
    const choice = local.length > 0 && (crossing.length === 0 || this.#rng.chance(LOCAL_SHARE)) ? local : crossing;
    if (choice.length === 0) return false;
    if (choice === local) this.#local += 1;
    else this.#crossing += 1;
    recorder.send(this.#rng.pick(choice).recorder);
    return true;
  }
}
