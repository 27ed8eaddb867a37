import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Rng } from '../kit/rng.ts';
import type { Placement } from './placement.ts';

interface Passage {
  readonly port: number;
  readonly client: Socket;
  readonly relay: Socket;
  /** Bytes, both directions together, until it is cut. */
  left: number;
}

/** What a client connects through: the network between it and the relays, which can be broken. */
export class Gate {
  readonly #placement: Placement;
  readonly #rng: Rng;
  readonly #server: Server;
  readonly #passages = new Set<Passage>();
  /** Connections to relays whose client is gone without their knowing. */
  readonly #dangling = new Set<Socket>();
  #meanBytes = Number.POSITIVE_INFINITY;
  #frozen = false;
  #port: number | null = null;

  /** @param placement shared by all gates; each connection goes to another relay than that before it, if there is one */
  constructor(placement: Placement, rng: Rng) {
    this.#placement = placement;
    this.#rng = rng;
    this.#server = createServer((client) => void this.#accept(client));
  }

  /** Of the relay to which the latest connection went. */
  get port(): number | null {
    return this.#port;
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

  async #accept(client: Socket): Promise<void> {
    // An error is followed by 'close'.
    client.on('error', () => undefined);
    for (const port of this.#placement.candidates(this.#port)) {
      // Counted before it is there, or all that come back at once would go to the same relay.
      this.#placement.enter(port);
      const relay = await connected(port);
      if (relay !== null && !client.destroyed) {
        this.#open({ port, client, relay, left: this.#budget() });
        return;
      }
      this.#placement.leave(port);
      relay?.destroy();
    }
    client.resetAndDestroy();
  }

  #open(passage: Passage): void {
    const { port, client, relay } = passage;
    this.#port = port;
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
        to.write(bytes.subarray(0, passage.left), () => this.#cut(passage));
        return;
      }
      passage.left -= bytes.length;
      if (!to.write(bytes)) from.pause();
    });
    to.on('drain', () => {
      if (!(this.#frozen && from === passage.relay)) from.resume();
    });
    from.on('end', () => to.end());
    from.on('close', () => {
      this.#dangling.delete(from);
      if (this.#passages.has(passage)) this.#end(passage, to);
    });
  }

  /** One side is gone: what it said last still reaches the other. */
  #end(passage: Passage, other: Socket): void {
    this.#forget(passage);
    other.destroySoon();
  }

  #cut(passage: Passage): void {
    this.#forget(passage);
    passage.client.resetAndDestroy();
    passage.relay.resetAndDestroy();
  }

  #abandon(passage: Passage): void {
    this.#forget(passage);
    this.#dangling.add(passage.relay);
    passage.client.resetAndDestroy();
    passage.relay.resume();
  }

  #forget(passage: Passage): void {
    if (this.#passages.delete(passage)) this.#placement.leave(passage.port);
  }
}

/** A connection to the relay, or null where it refuses one. */
async function connected(port: number): Promise<Socket | null> {
  const relay = connect(port, '127.0.0.1');
  return new Promise((resolve) => {
    relay.once('connect', () => resolve(relay));
    relay.on('error', () => resolve(null));
  });
}
