import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Rng } from '../kit/rng.ts';

interface Passage {
  readonly client: Socket;
  readonly relay: Socket;
  /** Bytes, both directions together, until it is cut. */
  left: number;
}

/** What a client connects through: the network between it and the relays, which can be broken. */
export class Gate {
  readonly #ports: readonly number[];
  readonly #rng: Rng;
  readonly #server: Server;
  readonly #passages = new Set<Passage>();
  /** Connections to relays whose client is gone without their knowing. */
  readonly #dangling = new Set<Socket>();
  #meanBytes = Number.POSITIVE_INFINITY;
  #frozen = false;
  #target: number;
  cuts = 0;

  /** @param ports of the relays; each connection goes to another one than that before it */
  constructor(ports: readonly number[], rng: Rng) {
    this.#ports = ports;
    this.#rng = rng;
    this.#target = rng.int(ports.length);
    this.#server = createServer((client) => this.#accept(client));
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the gate is not open');
    return `ws://127.0.0.1:${address.port}`;
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  /** From here on each connection is reset after a random number of bytes of this mean; Infinity ends it. */
  cutAfter(meanBytes: number): void {
    this.#meanBytes = meanBytes;
    for (const passage of this.#passages) passage.left = this.#budget();
  }

  /**
   * Ends the connections, so that the client comes back on another relay. Unseen: the relay is not told, and goes on
   * to hold a connection whose client is gone.
   */
  hop({ unseen }: { readonly unseen: boolean }): void {
    for (const passage of this.#passages) {
      if (unseen) this.#abandon(passage);
      else this.#cut(passage);
    }
  }

  /** Nothing passes from relay to client until `thaw`; the relay's bytes pile up before it. */
  freeze(): void {
    this.#frozen = true;
    for (const { relay } of this.#passages) relay.pause();
  }

  thaw(): void {
    this.#frozen = false;
    for (const { relay } of this.#passages) relay.resume();
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const passage of this.#passages) this.#cut(passage);
    for (const socket of this.#dangling) socket.destroy();
    await closed;
  }

  #budget(): number {
    return this.#meanBytes === Number.POSITIVE_INFINITY ? this.#meanBytes : this.#rng.int(2 * this.#meanBytes);
  }

  #accept(client: Socket): void {
    this.#target = (this.#target + 1 + this.#rng.int(this.#ports.length - 1)) % this.#ports.length;
    const relay = connect(this.#ports[this.#target] as number, '127.0.0.1');
    const passage = { client, relay, left: this.#budget() };
    this.#passages.add(passage);
    this.#pass(passage, client, relay);
    this.#pass(passage, relay, client);
    if (this.#frozen) relay.pause();
  }

  #pass(passage: Passage, from: Socket, to: Socket): void {
    from.setNoDelay(true);
    from.on('data', (bytes) => {
      if (!this.#passages.has(passage)) return;
      if (bytes.length >= passage.left) {
        // What was let through must leave before the reset, or it would take back what came before it.
        from.pause();
        this.cuts += 1;
        to.write(bytes.subarray(0, passage.left), () => this.#cut(passage));
        return;
      }
      passage.left -= bytes.length;
      if (!to.write(bytes)) from.pause();
    });
    to.on('drain', () => {
      if (!(this.#frozen && from === passage.relay)) from.resume();
    });
    // An error is followed by 'close'.
    from.on('error', () => undefined);
    from.on('end', () => to.end());
    from.on('close', () => {
      this.#dangling.delete(from);
      if (this.#passages.has(passage)) this.#end(passage, to);
    });
  }

  /** One side is gone: what it said last still reaches the other. */
  #end(passage: Passage, other: Socket): void {
    this.#passages.delete(passage);
    other.destroySoon();
  }

  #cut(passage: Passage): void {
    this.#passages.delete(passage);
    passage.client.resetAndDestroy();
    passage.relay.resetAndDestroy();
  }

  #abandon(passage: Passage): void {
    this.#passages.delete(passage);
    this.#dangling.add(passage.relay);
    passage.client.resetAndDestroy();
    passage.relay.resume();
  }
}
