import { setTimeout as sleep } from 'node:timers/promises';
import { type History, isGood } from '../chaos/history.ts';
import { Recorder } from '../chaos/recorder.ts';
import type { Relay } from '../kit/relay.ts';
import type { Rng } from '../kit/rng.ts';
import { waitFor } from '../kit/wait.ts';
import type { Crowd, Member } from './crowd.ts';

export interface ComingsOptions {
  readonly crowd: Crowd;
  readonly relays: readonly Relay[];
  readonly rng: Rng;
}

export interface ComingsCounts {
  readonly hops: number;
  readonly trips: number;
  readonly visits: number;
}

const HOP_EVERY_MS = 5000;
/** Of the hops: the relay is not told, and holds a connection whose client is gone. */
const UNSEEN_SHARE = 1 / 3;
const TRIP_EVERY_MS = 8000;
const MIN_AWAY_MS = 5000;
const MAX_AWAY_MS = 20_000;
const VISIT_EVERY_MS = 400;
/** Sent to a visitor before it first comes, which waits in its mailbox, and again when it is there. */
const GREETINGS = 2;
/** Generous: it bounds a failing run, it is no assertion about speed. */
const TIMEOUT_MS = 60_000;

/**
 * Ordinary comings and goings: hoppers change their relay, travellers go and find stored messages when they come
 * back, and visitors, each a peer that nobody has heard of, come once.
 */
export class Comings {
  readonly #crowd: Crowd;
  readonly #relays: readonly Relay[];
  readonly #rng: Rng;
  readonly #running = new Set<Promise<void>>();
  #timers: NodeJS.Timeout[] = [];
  #histories: History[] = [];
  #hops = 0;
  #trips = 0;
  #visits = 0;
  /** Of a trip or a visit. */
  failure: unknown = null;
  /** Messages to and from visitors. */
  sent = 0;

  constructor({ crowd, relays, rng }: ComingsOptions) {
    this.#crowd = crowd;
    this.#relays = relays;
    this.#rng = rng;
  }

  get counts(): ComingsCounts {
    return { hops: this.#hops, trips: this.#trips, visits: this.#visits };
  }

  run(): void {
    this.#timers = [
      setInterval(() => this.#hop(), HOP_EVERY_MS),
      setInterval(() => this.#track(this.#trip()), TRIP_EVERY_MS),
      setInterval(() => this.#track(this.#visit()), VISIT_EVERY_MS),
    ];
  }

  /** Begins nothing new, and waits until all travellers are back and all visitors have left. */
  async pause(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.#running);
  }

  /** The histories of visitors that have left since the last call. */
  take(): History[] {
    return this.#histories.splice(0);
  }

  #track(event: Promise<void>): void {
    const tracked = event
      .catch((error: unknown) => {
        this.failure ??= error;
      })
      .finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  #hop(): void {
    this.#hops += 1;
    this.#rng.pick(this.#crowd.hopping).gate.hop({ unseen: this.#rng.chance(UNSEEN_SHARE) });
  }

  async #trip(): Promise<void> {
    const home = this.#crowd.travelling.filter(({ away }) => !away);
    if (home.length === 0) return;
    const traveller = this.#rng.pick(home);
    const { recorder } = traveller;
    traveller.away = true;
    await untilAnswered(recorder);
    await recorder.stop();
    await sleep(MIN_AWAY_MS + this.#rng.int(MAX_AWAY_MS - MIN_AWAY_MS));
    await recorder.start();
    traveller.away = false;
    this.#trips += 1;
  }

  async #visit(): Promise<void> {
    const number = this.#visits;
    this.#visits += 1;
    const { url } = this.#relays[number % this.#relays.length] as Relay;
    const { payloads } = this.#crowd;
    const visitor = new Recorder({ url, peer: `visitor-${number}`, rng: this.#rng, payloads });
    const host = this.#rng.pick(this.#crowd.steady);
    this.#greet(host, visitor);
    await visitor.start();
    this.#greet(host, visitor);
    for (const { recorder } of this.#rng.shuffle(this.#crowd.present).slice(0, GREETINGS))
      this.#send(visitor, recorder);
    await waitFor(() => visitor.shownCount >= 2 * GREETINGS, {
      what: `${visitor.peer} is greeted`,
      timeoutMs: TIMEOUT_MS,
    });
    await untilAnswered(visitor);
    await visitor.stop();
    if (visitor.failure !== null) throw visitor.failure;
    this.#histories.push(visitor.take());
  }

  #greet({ recorder }: Member, visitor: Recorder): void {
    for (let count = 0; count < GREETINGS; count++) this.#send(recorder, visitor);
  }

  #send(from: Recorder, to: Recorder): void {
    from.send(to);
    this.sent += 1;
  }
}

async function untilAnswered(recorder: Recorder): Promise<void> {
  await waitFor(() => recorder.underWay === 0, { what: `${recorder.peer} has all receipts`, timeoutMs: TIMEOUT_MS });
}

/** Messages that histories say were promised, and shown. */
export function tally(histories: readonly History[]): { promised: number; shown: number } {
  return {
    promised: histories.reduce((sum, one) => sum + one.outcomes.filter(({ status }) => isGood(status)).length, 0),
    shown: histories.reduce((sum, one) => sum + one.shown.length, 0),
  };
}
