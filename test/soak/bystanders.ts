import { type Client, connect } from '@causeway/client';
import { startAll, stopAll } from '../kit/start-all.ts';
import { waitFor } from '../kit/wait.ts';

/** For a presence that changes: a watch may have to be renewed for it. Generous, no assertion about speed. */
const AGREED_TIMEOUT_MS = 60_000;

/** A client that watches peers, and from time to time begins anew. */
export class Watcher {
  readonly #client: Client;
  readonly #peers: readonly string[];
  readonly #online = new Map<string, boolean>();
  #watching = new AbortController();
  #reading: Promise<void> = Promise.resolve();
  /** Changes that it was told of. */
  changes = 0;
  failure: unknown = null;

  private constructor(client: Client, peers: readonly string[]) {
    this.#client = client;
    this.#peers = peers;
    this.#begin();
  }

  static async start(url: string, name: string, peers: readonly string[]): Promise<Watcher> {
    return new Watcher(await connect({ url, peer: name }), peers);
  }

  /** Ends the watch and begins another. */
  async renew(): Promise<void> {
    this.#watching.abort();
    await this.#reading;
    this.#begin();
  }

  /** @throws if it does not come to think so of all that it watches */
  async untilAll(online: boolean): Promise<void> {
    const wrong = (): string[] => this.#peers.filter((peer) => this.#online.get(peer) !== online);
    await waitFor(() => wrong().length === 0, { what: 'presence is right', timeoutMs: AGREED_TIMEOUT_MS }).catch(() => {
      throw new Error(`${this.#client.peer} was not told that ${wrong()} are ${online ? 'online' : 'offline'}`);
    });
  }

  async stop(): Promise<void> {
    await this.#client.stop();
    await this.#reading;
  }

  #begin(): void {
    this.#online.clear();
    this.#watching = new AbortController();
    this.#reading = this.#read(this.#watching.signal);
  }

  async #read(signal: AbortSignal): Promise<void> {
    try {
      for await (const { peer, online } of this.#client.watch(this.#peers, { signal })) {
        this.#online.set(peer, online);
        this.changes += 1;
      }
    } catch (error) {
      this.failure ??= error;
    }
  }
}

/** A watcher at each url. */
export async function startWatchers(urls: readonly string[], peers: readonly string[]): Promise<Watcher[]> {
  return startAll(urls.map((url, index) => Watcher.start(url, `watcher-${index}`, peers)));
}

const FORGOTTEN_EVERY_MS = 1000;
const FORGOTTEN_BYTES = 100;

/** Sends to peers that never come, so that mailboxes run out of time. */
export class Forgetter {
  readonly #client: Client;
  #timer: NodeJS.Timeout | undefined;
  #underWay: Promise<unknown> = Promise.resolve();
  sent = 0;
  failure: unknown = null;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async start(url: string): Promise<Forgetter> {
    return new Forgetter(await connect({ url, peer: 'forgetter' }));
  }

  run(): void {
    this.#timer = setInterval(() => {
      this.#underWay = this.#send();
    }, FORGOTTEN_EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#underWay;
    await stopAll([this.#client]);
  }

  async #send(): Promise<void> {
    this.sent += 1;
    try {
      await this.#client.send(`forgotten-${this.sent}`, new Uint8Array(FORGOTTEN_BYTES));
    } catch (error) {
      this.failure ??= error;
    }
  }
}
