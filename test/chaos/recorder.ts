import { Client, RefusedError, SendError } from '@causeway/client';
import type { Rng } from '../kit/rng.ts';
import { type Deferred, deferred } from '../kit/wait.ts';
import type { History, Outcome, Sent, Shown, Welcomed } from './history.ts';
import { digestOf, idOf, Payloads } from './payload.ts';
import { tappedWebSocket } from './tapped-socket.ts';

export interface RecorderOptions {
  readonly url: string;
  readonly peer: string;
  readonly rng: Rng;
  /** Its own where they are not shared: they take long to make. */
  readonly payloads?: Payloads;
}

/** A relay that is stopped takes connections and never answers. */
const CONNECT_TIMEOUT_MS = 1500;

/** A client that writes down what it sends, is told and is shown. `take` empties it, and so bounds its memory. */
export class Recorder {
  readonly peer: string;
  readonly #client: Client;
  readonly #payloads: Payloads;
  /** Why it ended by itself, which it must not. */
  failure: unknown = null;
  #sent: Sent[] = [];
  #outcomes: Outcome[] = [];
  #shown: Shown[] = [];
  #connections: Welcomed[] = [];
  #refusals: number[] = [];
  #firstId = 1;
  #nextId = 1;
  #underWay = 0;
  readonly #underWayTo = new Map<string, number>();
  #promised = 0;
  #pause: Deferred<void> | null = null;
  #reading: Promise<void> = Promise.resolve();

  constructor({ url, peer, rng, payloads }: RecorderOptions) {
    this.peer = peer;
    this.#payloads = payloads ?? new Payloads(rng);
    const options = { url, peer, backoff: { minMs: 5, maxMs: 100 }, connectTimeoutMs: CONNECT_TIMEOUT_MS };
    const WebSocket = tappedWebSocket(() => this.#refusals.push(performance.now()));
    this.#client = new Client(options, WebSocket);
    this.#client.on('welcome', ({ node }) => this.#connections.push({ node, at: performance.now() }));
  }

  /** Messages without an outcome. */
  get underWay(): number {
    return this.#underWay;
  }

  underWayTo(peer: string): number {
    return this.#underWayTo.get(peer) ?? 0;
  }

  /** Of its last WELCOME, whether the connection still is or not. */
  get node(): string | undefined {
    return this.#connections.at(-1)?.node;
  }

  /** Messages of this history that were receipted good, and messages shown. */
  get promised(): number {
    return this.#promised;
  }
  get shownCount(): number {
    return this.#shown.length;
  }

  async start(): Promise<this> {
    await this.#client.start();
    this.#reading = this.#read();
    return this;
  }

  send({ peer: to, node }: Recorder): void {
    const id = this.#nextId;
    this.#nextId += 1;
    const payload = this.#payloads.make(id);
    this.#sent.push({ to, id, digest: digestOf(payload), at: performance.now(), crossing: node !== this.node });
    this.#count(to, 1);
    this.#client.send(to, payload).then(
      ({ status }) => {
        this.#promised += 1;
        this.#settle(to, id, status);
      },
      (error: unknown) => this.#refused(to, id, error),
    );
  }

  /** The application takes nothing any more, and so acknowledges nothing. */
  pause(): void {
    this.#pause ??= deferred<void>();
  }

  resume(): void {
    this.#pause?.resolve();
    this.#pause = null;
  }

  /** What it wrote down since the last `take`; it goes on with the same lists. */
  peek(): History {
    return {
      peer: this.peer,
      firstId: this.#firstId,
      sent: this.#sent,
      outcomes: this.#outcomes,
      shown: this.#shown,
      connections: this.#connections,
      refusals: this.#refusals,
    };
  }

  /** The history since the last call. Nothing may be under way, or its outcome would be in the next one. */
  take(): History {
    const history = this.peek();
    this.#firstId = this.#nextId;
    this.#sent = [];
    this.#outcomes = [];
    this.#shown = [];
    this.#connections = this.#connections.slice(-1);
    this.#refusals = [];
    this.#promised = 0;
    return history;
  }

  async stop(): Promise<void> {
    this.resume();
    await this.#client.stop();
    await this.#reading;
  }

  #count(to: string, by: number): void {
    this.#underWay += by;
    this.#underWayTo.set(to, this.underWayTo(to) + by);
  }

  #settle(to: string, id: number, status: string): void {
    this.#count(to, -1);
    this.#outcomes.push({ id, status, at: performance.now() });
  }

  #refused(to: string, id: number, error: unknown): void {
    if (error instanceof RefusedError) this.#settle(to, id, error.code);
    // A send that ended without a receipt stays unanswered in the history.
    else if (error instanceof SendError) this.#count(to, -1);
    else this.failure ??= error;
  }

  async #read(): Promise<void> {
    try {
      for await (const { from, payload, stored } of this.#client.messages()) {
        this.#shown.push({ from, id: idOf(payload), digest: digestOf(payload), stored, at: performance.now() });
        if (this.#pause !== null) await this.#pause.promise;
      }
    } catch (error) {
      this.failure ??= error;
    }
  }
}
