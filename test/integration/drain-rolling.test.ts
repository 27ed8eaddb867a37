import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, connect, type Logger, type Receipt } from '@causeway/client';
import { afterEach, expect, test } from 'vitest';
import { complaints } from '../kit/observe.ts';
import { freePorts } from '../kit/ports.ts';
import { startRedis } from '../kit/redis.ts';
import { type Relay, startRelay } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';
import { waitFor } from '../kit/wait.ts';
import { range } from './fixture.ts';

const CLIENTS = 30;
const RELAYS = 3;
const DRAIN_SECONDS = 4;
const SEND_EVERY_MS = 50;

const scope = new Scope();
afterEach(() => scope.end());

/** Sends numbers to the next one, without end, and keeps what it is shown and what its library says. */
class Party {
  readonly shown: number[] = [];
  /** Of the relays that were leaving, in milliseconds. */
  readonly hints: number[] = [];
  connected = 0;
  failed = 0;
  readonly receipts: Promise<Receipt>[] = [];
  readonly #index: number;
  #client: Client | null = null;
  #sending = true;

  constructor(index: number) {
    this.#index = index;
  }

  async start(urls: readonly string[]): Promise<this> {
    const client = await connect({ url: urls, peer: `c${this.#index}`, logger: this.#logger() });
    this.#client = client;
    void this.#read(client);
    void this.#send(client);
    return this;
  }

  finish(): Promise<Receipt[]> {
    this.#sending = false;
    return Promise.all(this.receipts);
  }

  async stop(): Promise<void> {
    this.#sending = false;
    await this.#client?.stop();
  }

  async #read(client: Client): Promise<void> {
    for await (const message of client.messages()) this.shown.push(Number(message.text()));
  }

  async #send(client: Client): Promise<void> {
    while (this.#sending) {
      this.receipts.push(client.send(`c${(this.#index + 1) % CLIENTS}`, String(this.receipts.length + 1)));
      await sleep(SEND_EVERY_MS);
    }
  }

  #logger(): Logger {
    const note = (message: string, fields: Record<string, unknown> = {}): void => {
      if (message === 'connected') this.connected += 1;
      if (message === 'connection failed') this.failed += 1;
      if (message === 'relay leaves') this.hints.push(fields.reconnectAfterMs as number);
    };
    return { debug: note, info: note, warn: note, error: note };
  }
}

/** How many of the hints are in each second. */
function bySecond(hints: readonly number[]): number[] {
  return range(0, DRAIN_SECONDS - 1).map((second) => hints.filter((hint) => Math.floor(hint / 1000) === second).length);
}

test('all relays are restarted one after another: nothing is lost, repeated or reordered, and nobody storms', async () => {
  const redis = scope.keep(await startRedis());
  const ports = await freePorts(RELAYS);
  const urls = ports.map((port) => `ws://127.0.0.1:${port}`);
  const start = async (index: number): Promise<Relay> => {
    const env = {
      CAUSEWAY_PORT: String(ports[index]),
      CAUSEWAY_PUBLIC_URL: urls[index] as string,
      CAUSEWAY_DRAIN_SECONDS: String(DRAIN_SECONDS),
    };
    return scope.keep(await startRelay({ redis, env }));
  };
  const relays: Relay[] = [];
  for (const index of range(0, RELAYS - 1)) relays.push(await start(index));
  const parties = await Promise.all(
    range(0, CLIENTS - 1).map((index) => {
      const first = index % RELAYS;
      return scope.keep(new Party(index)).start([...urls.slice(first), ...urls.slice(0, first)]);
    }),
  );
  await waitFor(() => parties.every(({ shown }) => shown.length > 10), { what: 'all have been shown something' });

  let before = 0;
  for (const [index, relay] of relays.entries()) {
    const connections = (await relay.metrics()).value('causeway_connections');
    const counts = parties.map(({ hints }) => hints.length);
    expect(await relay.stop()).toBe(0);
    expect(complaints(relay)).toEqual([]);
    const hints = parties.flatMap((party, at) => party.hints.slice(counts[at]));
    expect(hints).toHaveLength(connections);
    expect(Math.max(...bySecond(hints))).toBeLessThanOrEqual(Math.ceil((connections / DRAIN_SECONDS) * 1.5));
    before += connections;
    await waitFor(() => parties.reduce((sum, { connected }) => sum + connected, 0) === CLIENTS + before, {
      what: 'all who were sent away are back',
    });
    relays[index] = await start(index);
  }
  expect(before).toBeGreaterThan(CLIENTS);

  const outcomes = (await Promise.all(parties.map((party) => party.finish()))).flat();
  expect(outcomes.filter(({ status }) => status !== 'delivered' && status !== 'queued')).toEqual([]);
  for (const [index, { receipts }] of parties.entries()) {
    const { shown } = parties[(index + 1) % CLIENTS] as Party;
    await waitFor(() => shown.length >= receipts.length, { what: 'everything has been shown' });
    expect(shown).toEqual(range(1, receipts.length));
  }
  // Each was sent away by name to a relay that took it.
  expect(parties.map(({ failed }) => failed)).toEqual(parties.map(() => 0));
  expect(relays.flatMap(complaints)).toEqual([]);
});
