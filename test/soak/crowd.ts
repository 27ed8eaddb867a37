import { Gate } from '../chaos/gate.ts';
import type { History } from '../chaos/history.ts';
import { Payloads } from '../chaos/payload.ts';
import { Placement } from '../chaos/placement.ts';
import { Recorder } from '../chaos/recorder.ts';
import type { Rng } from '../kit/rng.ts';
import { stopAll } from '../kit/start-all.ts';

export interface Member {
  readonly recorder: Recorder;
  readonly gate: Gate;
  /** It sends to these, and they to it, more often than to others. */
  readonly group: number;
  /** It is away, or about to go: it sends nothing. */
  away: boolean;
}

export interface CrowdOptions {
  /** Of the relays, as many as a group has members. */
  readonly ports: readonly number[];
  readonly rng: Rng;
  /** Messages of all members together in a second. */
  readonly rate: number;
}

const STEADY_GROUPS = 4;
const HOPPING_GROUPS = 2;
const TRAVELLING_GROUPS = 2;
const TICK_MS = 50;
/** After a pause of this process, no more is made up for. */
const MAX_CATCH_UP_MS = 500;
const GROUP_SHARE = 1 / 2;
/** Of one member to another without an outcome. */
const MAX_UNDER_WAY = 40;

/**
 * Clients in groups, each of which starts with a member on every relay. Members of the first groups stay where they
 * are; those of others are for hopping, and for going away and coming back.
 */
export class Crowd {
  readonly members: readonly Member[];
  /** Shared with whoever joins for a while. */
  readonly payloads: Payloads;
  readonly #rng: Rng;
  readonly #rate: number;
  #timer: NodeJS.Timeout | undefined;
  #due = 0;
  #lastTick = 0;
  #sent = 0;

  private constructor(members: readonly Member[], payloads: Payloads, { rng, rate }: CrowdOptions) {
    this.members = members;
    this.payloads = payloads;
    this.#rng = rng;
    this.#rate = rate;
  }

  static async start(options: CrowdOptions): Promise<Crowd> {
    const { ports, rng } = options;
    const placement = new Placement(ports, rng.fork());
    const payloads = new Payloads(rng.fork());
    const members: Member[] = [];
    for (let group = 0; group < STEADY_GROUPS + HOPPING_GROUPS + TRAVELLING_GROUPS; group++) {
      const joined = await Promise.all(
        ports.map(async (_, index): Promise<Member> => {
          const gate = await new Gate(placement, rng.fork()).start();
          const peer = `member-${group}-${index}`;
          return { recorder: new Recorder({ url: gate.url, peer, rng, payloads }), gate, group, away: false };
        }),
      );
      // One group after another, or a group would not begin with one on each relay.
      await Promise.all(joined.map(({ recorder }) => recorder.start()));
      members.push(...joined);
    }
    return new Crowd(members, payloads, options);
  }

  /** Messages that members have sent to members. */
  get sent(): number {
    return this.#sent;
  }

  get recorders(): Recorder[] {
    return this.members.map(({ recorder }) => recorder);
  }

  get present(): Member[] {
    return this.members.filter(({ away }) => !away);
  }

  get steady(): Member[] {
    return this.members.filter(({ group }) => group < STEADY_GROUPS);
  }

  get hopping(): Member[] {
    return this.members.filter(({ group }) => group >= STEADY_GROUPS && group < STEADY_GROUPS + HOPPING_GROUPS);
  }

  get travelling(): Member[] {
    return this.members.filter(({ group }) => group >= STEADY_GROUPS + HOPPING_GROUPS);
  }

  run(): void {
    this.#lastTick = performance.now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  pause(): void {
    clearInterval(this.#timer);
  }

  /** Nothing may be under way. */
  take(): History[] {
    return this.recorders.map((recorder) => recorder.take());
  }

  async stop(): Promise<void> {
    this.pause();
    await stopAll(this.recorders);
    await stopAll(this.members.map(({ gate }) => gate));
  }

  #tick(): void {
    const now = performance.now();
    this.#due += (Math.min(now - this.#lastTick, MAX_CATCH_UP_MS) * this.#rate) / 1000;
    this.#lastTick = now;
    const { present } = this;
    for (; this.#due >= 1; this.#due -= 1) this.#send(this.#rng.pick(present));
  }

  #send(sender: Member): void {
    const inGroup = this.#rng.chance(GROUP_SHARE);
    const others = this.members.filter((one) => one !== sender && (!inGroup || one.group === sender.group));
    const { recorder } = this.#rng.pick(others);
    if (sender.recorder.underWayTo(recorder.peer) >= MAX_UNDER_WAY) return;
    sender.recorder.send(recorder);
    this.#sent += 1;
  }
}
