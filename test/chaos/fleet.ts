import { complaints } from '../kit/observe.ts';
import { type Env, type LogRecord, type Relay, startRelay } from '../kit/relay.ts';
import { startAll, stopAll } from '../kit/start-all.ts';
import { deferred, within } from '../kit/wait.ts';

/** Short, so that a dead node costs a run little time; milliseconds. */
export const LEASE_MS = 1000;
/** So many that two can be killed, and traffic still crosses between the others. */
export const RELAYS = 4;

const ENV = {
  CAUSEWAY_NODE_LEASE_MS: String(LEASE_MS),
  CAUSEWAY_DRAIN_SECONDS: '3',
  CAUSEWAY_LOG_LEVEL: 'info',
  // The checker takes every missing message for a lost one: nothing may be evicted.
  CAUSEWAY_MAILBOX_MESSAGES: '100000',
  CAUSEWAY_MAILBOX_BYTES: String(2 ** 30),
};
/** What a node says that others have declared dead: as an error, and rightly, but here it is what a fault is for. */
const FENCED = 'fenced';
/** Generous: it bounds a failing run, it is no assertion about speed. */
const LOGGED_TIMEOUT_MS = 20_000;

/** Relays over one Redis, each of which can be started again on its ports. */
export class Fleet {
  readonly #relays: Relay[];
  readonly #oldRelays: Relay[] = [];
  #turn = 0;

  private constructor(relays: Relay[]) {
    this.#relays = relays;
  }

  /** @param redisUrls of each relay */
  static async start(redisUrls: readonly string[], env: Env = {}): Promise<Fleet> {
    return new Fleet(await startAll(redisUrls.map((url) => startRelay({ redis: { url }, env: { ...ENV, ...env } }))));
  }

  get ports(): number[] {
    return this.#relays.map(({ port }) => port);
  }

  get size(): number {
    return this.#relays.length;
  }

  get running(): readonly Relay[] {
    return this.#relays;
  }

  relay(index: number): Relay {
    return this.#relays[index] as Relay;
  }

  /** What relays logged that they should not have, and what ended by itself. */
  complaints(): LogRecord[] {
    const ended = this.#relays.filter((relay) => !relay.isAlive());
    return [
      ...[...this.#oldRelays, ...this.#relays].flatMap(complaints).filter(({ event }) => event !== FENCED),
      ...ended.map(({ port, pid }) => ({ error: `the relay on ${port}, process ${pid}, ended by itself` })),
    ];
  }

  /**
   * SIGTERM, the drain, and a new process on the same ports: for one relay after another, each in its turn.
   * @throws if it did not end with 0
   */
  async restartNext(): Promise<void> {
    const index = this.#turn;
    this.#turn = (index + 1) % this.size;
    const code = await this.relay(index).stop();
    await this.#startAgain(index, {});
    if (code !== 0) throw new Error(`relay ${index} ended its drain with ${code}`);
  }

  /** SIGKILL to all of them at once. */
  async kill(indexes: readonly number[]): Promise<void> {
    for (const index of indexes) this.relay(index).kill('SIGKILL');
    await Promise.all(indexes.map((index) => this.relay(index).exited));
  }

  /**
   * New processes on the ports of relays that have been killed.
   * @param env added to theirs
   */
  async revive(indexes: readonly number[], env: Env = {}): Promise<void> {
    await Promise.all(indexes.map((index) => this.#startAgain(index, env)));
  }

  /**
   * @param text somewhere in the record
   * @returns the index of the first relay that logs the event from now on
   */
  async untilLogged(event: string, text: string): Promise<number> {
    const logged = deferred<number>();
    const unsubscribe = this.#relays.map((relay, index) =>
      relay.onRecord((record) => {
        if (record.event === event && JSON.stringify(record).includes(text)) logged.resolve(index);
      }),
    );
    try {
      return await within(logged.promise, LOGGED_TIMEOUT_MS, () => `a relay to log "${event}" with ${text}`);
    } finally {
      for (const end of unsubscribe) end();
    }
  }

  async stop(): Promise<void> {
    await stopAll(this.#relays);
  }

  async #startAgain(index: number, env: Env): Promise<void> {
    const old = this.relay(index);
    this.#oldRelays.push(old);
    this.#relays[index] = await startRelay({ env: { ...old.env, ...env } });
  }
}
