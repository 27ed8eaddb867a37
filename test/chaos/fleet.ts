import type { Metrics } from '../kit/metrics.ts';
import { type Relay, startRelay } from '../kit/relay.ts';
import { startAll, stopAll } from '../kit/start-all.ts';

const RELAYS = 3;
const ENV = { CAUSEWAY_DRAIN_SECONDS: '3', CAUSEWAY_LOG_LEVEL: 'info' };

/** What the relays counted, those that have ended included. */
export interface Counted {
  readonly evictedOrExpired: number;
  readonly refusals: number;
  /** Messages handed on by the sender's node: to a client of its own, or to another node. */
  readonly local: number;
  readonly remote: number;
}

const NOTHING: Counted = { evictedOrExpired: 0, refusals: 0, local: 0, remote: 0 };
const TEMPORARY = ['rate_limited', 'overloaded', 'unavailable'];

function counted(metrics: Metrics): Counted {
  const of = (name: string, label: string, values: readonly string[]): number =>
    values.reduce((sum, value) => sum + metrics.value(`causeway_${name}_total`, { [label]: value }), 0);
  return {
    evictedOrExpired: of('drops', 'reason', ['evicted', 'expired']),
    refusals: of('receipts', 'status', TEMPORARY),
    local: of('messages', 'path', ['local']),
    remote: of('messages', 'path', ['remote']),
  };
}

function sum(all: readonly Counted[], sign = 1): Counted {
  return all.reduce(
    (total, one) => ({
      evictedOrExpired: total.evictedOrExpired + sign * one.evictedOrExpired,
      refusals: total.refusals + sign * one.refusals,
      local: total.local + sign * one.local,
      remote: total.remote + sign * one.remote,
    }),
    NOTHING,
  );
}

/** What was counted since `before`. */
export function since(before: Counted, now: Counted): Counted {
  return sum([now, sum([before], -1)]);
}

/** Relays over one Redis, each of which can be started again on its ports. */
export class Fleet {
  readonly #relays: Relay[];
  /** Relays that have ended: their metrics, as far as they could be read before, and their logs. */
  #retired = NOTHING;
  readonly #oldRelays: Relay[] = [];

  private constructor(relays: Relay[]) {
    this.#relays = relays;
  }

  static async start(redisUrl: string): Promise<Fleet> {
    const options = { redis: { url: redisUrl }, env: ENV };
    return new Fleet(await startAll(Array.from({ length: RELAYS }, () => startRelay(options))));
  }

  get ports(): number[] {
    return this.#relays.map(({ port }) => port);
  }

  get size(): number {
    return this.#relays.length;
  }

  /** Those that run, and those that ran before them. */
  get all(): readonly Relay[] {
    return [...this.#oldRelays, ...this.#relays];
  }

  get running(): readonly Relay[] {
    return this.#relays;
  }

  async counted(): Promise<Counted> {
    const now = await Promise.all(this.#relays.map(async (relay) => counted(await relay.metrics())));
    return sum([this.#retired, ...now]);
  }

  /** SIGTERM, the drain, and a new process on the same ports. @throws if it did not end with 0 */
  async restart(index: number): Promise<void> {
    const old = this.#relays[index] as Relay;
    this.#retired = sum([this.#retired, counted(await old.metrics())]);
    const code = await old.stop();
    this.#oldRelays.push(old);
    this.#relays[index] = await startRelay({ env: old.env });
    if (code !== 0) throw new Error(`relay ${index} ended its drain with ${code}`);
  }

  async stop(): Promise<void> {
    await stopAll(this.#relays);
  }
}
