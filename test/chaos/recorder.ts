import { type Client, createClient, RefusedError, SendError } from '@causeway/client';
import type { Rng } from '../kit/rng.ts';
import { type Deferred, deferred } from '../kit/wait.ts';
import type { History, Outcome, Sent, Shown, Welcomed } from './history.ts';
import { digestOf, idOf, Payloads } from './payload.ts';

export interface RecorderOptions {
  readonly url: string;
  readonly peer: string;
  readonly rng: Rng;
}

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
  #firstId = 1;
  #nextId = 1;
  #underWay = 0;
  #promised = 0;
  #pause: Deferred<void> | null = null;
  #reading: Promise<void> = Promise.resolve();

  constructor({ url, peer, rng }: RecorderOptions) {
    this.peer = peer;
    this.#payloads = new Payloads(rng);
    this.#client = createClient({ url, peer, backoff: { minMs: 5, maxMs: 100 }, connectTimeoutMs: 3000 });
    this.#client.on('welcome', ({ node }) => this.#connections.push({ node, at: performance.now() }));
  }

  /** Messages without an outcome. */
  get underWay(): number {
    return this.#underWay;
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

  send(to: string): void {
    const id = this.#nextId;
    this.#nextId += 1;
    const payload = this.#payloads.make(id);
    this.#sent.push({ to, id, digest: digestOf(payload), at: performance.now() });
    this.#underWay += 1;
    this.#client.send(to, payload).then(
      ({ status }) => {
        this.#promised += 1;
        this.#settle(id, status);
      },
      (error: unknown) => this.#refused(id, error),
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

  /** The history since the last call. Nothing may be under way, or its outcome would be in the next one. */
  take(): History {
    const history = {
      peer: this.peer,
      firstId: this.#firstId,
      sent: this.#sent,
      outcomes: this.#outcomes,
      shown: this.#shown,
      connections: this.#connections,
    };
    this.#firstId = this.#nextId;
    this.#sent = [];
    this.#outcomes = [];
    this.#shown = [];
    this.#connections = this.#connections.slice(-1);
    this.#promised = 0;
    return history;
  }

  async stop(): Promise<void> {
    this.resume();
    await this.#client.stop();
    await this.#reading;
  }

  #settle(id: number, status: string): void {
    this.#underWay -= 1;
    this.#outcomes.push({ id, status, at: performance.now() });
  }

  #refused(id: number, error: unknown): void {
    if (error instanceof RefusedError) this.#settle(id, error.code);
    // A send that ended without a receipt stays unanswered in the history.
    else if (error instanceof SendError) this.#underWay -= 1;
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
