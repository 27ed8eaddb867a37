import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, connect } from '@causeway/client';

/** Quantile of durations, milliseconds; 0 for none. */
export function quantile(durations: readonly number[], q: number): number {
  const sorted = durations.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
}

/** Two clients of relays that live on: one sends to the other, paced, and takes the time to each receipt. */
export class Pair {
  readonly sent: string[] = [];
  readonly shown: string[] = [];
  readonly #sender: Client;
  readonly #recipient: Client;
  readonly #under: Promise<unknown>[] = [];
  #durations: number[] = [];
  #isRunning = true;

  private constructor(sender: Client, recipient: Client) {
    this.#sender = sender;
    this.#recipient = recipient;
  }

  static async start(name: string, from: string, to: string, everyMs: number): Promise<Pair> {
    const [sender, recipient] = await Promise.all([
      connect({ url: from, peer: `${name}-from` }),
      connect({ url: to, peer: `${name}-to` }),
    ]);
    const pair = new Pair(sender, recipient);
    void pair.#show();
    void pair.#send(everyMs);
    return pair;
  }

  /** Milliseconds from each SEND to its receipt, since the last call. */
  takeDurations(): readonly number[] {
    const taken = this.#durations;
    this.#durations = [];
    return taken;
  }

  /** Sends no more, and waits for the receipts. Rejects where a message was refused for good. */
  async settle(): Promise<void> {
    this.#isRunning = false;
    await Promise.all(this.#under);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#sender.stop(), this.#recipient.stop()]);
  }

  async #show(): Promise<void> {
    for await (const message of this.#recipient.messages()) this.shown.push(message.text());
  }

  async #send(everyMs: number): Promise<void> {
    while (this.#isRunning) {
      const payload = String(this.sent.length);
      const started = performance.now();
      this.sent.push(payload);
      const receipt = this.#sender.send(String(this.#recipient.peer), payload);
      this.#under.push(receipt.then(() => this.#durations.push(performance.now() - started)));
      await sleep(everyMs);
    }
  }
}

/** Sends one message to each of many peers, and knows which of them were taken. */
export class Feeder {
  readonly good: { readonly to: string; readonly payload: string; readonly status: string }[] = [];
  readonly #client: Client;
  readonly #name: string;
  #count = 0;

  private constructor(client: Client, name: string) {
    this.#client = client;
    this.#name = name;
  }

  static async start(name: string, url: string): Promise<Feeder> {
    return new Feeder(await connect({ url, peer: name }), name);
  }

  /** Resolves when each has its receipt. */
  async feed(peers: readonly string[]): Promise<void> {
    await Promise.all(
      peers.map(async (to) => {
        this.#count += 1;
        const payload = `${this.#name}:${this.#count}`;
        const { status } = await this.#client.send(to, payload);
        this.good.push({ to, payload, status });
      }),
    );
  }

  stop(): Promise<void> {
    return this.#client.stop();
  }
}
