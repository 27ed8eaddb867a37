import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, connect, type Logger, type Receipt } from '@causeway/client';

const SEND_EVERY_MS = 50;

/** Sends numbers to one peer, without end, and keeps what it is shown itself. */
export class Talker {
  readonly shown: number[] = [];
  readonly receipts: Promise<Receipt>[] = [];
  /** Connections that came to nothing. */
  failed = 0;
  #client: Client | null = null;
  #sending = true;

  async start(url: string, peer: string, to: string): Promise<this> {
    const client = await connect({ url, peer, logger: this.#logger() });
    this.#client = client;
    void this.#read(client);
    void this.#send(client, to);
    return this;
  }

  /** The outcomes of all that it has sent. */
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

  async #send(client: Client, to: string): Promise<void> {
    while (this.#sending) {
      this.receipts.push(client.send(to, String(this.receipts.length + 1)));
      await sleep(SEND_EVERY_MS);
    }
  }

  #logger(): Logger {
    const note = (message: string): void => {
      if (message === 'connection failed') this.failed += 1;
    };
    return { debug: note, info: note, warn: note, error: note };
  }
}
