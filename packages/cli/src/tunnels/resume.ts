import { setTimeout as pause } from 'node:timers/promises';
import type { Client, SecureTunnel, TunnelOffer, TunnelSecurity } from '@causeway/client';

/** What a transfer is known by in the offer of another tunnel, and what the two ends know each other by. */
interface Ticket {
  readonly meta: string;
  readonly security: TunnelSecurity;
}

/** Milliseconds between two attempts to get another tunnel: doubling, up to the second. */
const MIN_WAIT_MS = 250;
const MAX_WAIT_MS = 4000;
/** Milliseconds for one attempt: the other end may have vanished in the middle of it. */
const ATTEMPT_MS = 20_000;

function ticketOf(tunnel: SecureTunnel): Ticket {
  // The relay sees the id, and learns nothing of the secret from it.
  const id = Buffer.from(tunnel.exportKey('resume-id', 16)).toString('hex');
  return {
    meta: `causeway-transfer/1 ${id}`,
    security: { kind: 'pake', secret: tunnel.exportKey('resume', 32) },
  };
}

/** The end that asks for another tunnel when one is lost: the receiver. */
export class Dialler {
  readonly #client: Client;
  readonly #peer: string;
  readonly #ticket: Ticket;

  constructor(client: Client, first: SecureTunnel) {
    this.#client = client;
    this.#peer = first.peer;
    this.#ticket = ticketOf(first);
  }

  /** Another tunnel to the same end, as soon as there is one. Rejects when the signal aborts. */
  async next(signal: AbortSignal): Promise<SecureTunnel> {
    for (let waitMs = MIN_WAIT_MS; ; waitMs = Math.min(MAX_WAIT_MS, waitMs * 2)) {
      signal.throwIfAborted();
      const tunnel = await this.#attempt(AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]));
      if (tunnel !== null) return tunnel;
      await pause(waitMs, undefined, { signal });
    }
  }

  async #attempt(signal: AbortSignal): Promise<SecureTunnel | null> {
    try {
      return await this.#client.connectTo(this.#peer, { ...this.#ticket, signal });
    } catch {
      // Whatever it was may be over soon; the caller bounds how long this goes on.
      return null;
    }
  }
}

/** The end that is asked: the sender. It may learn of a loss only by the other end's asking. */
export class Answerer {
  readonly #ticket: Ticket;
  readonly #close: () => void;
  #current: SecureTunnel;
  #arrived: SecureTunnel | null = null;
  #onArrival = (): void => undefined;

  constructor(client: Client, first: SecureTunnel) {
    this.#ticket = ticketOf(first);
    this.#current = first;
    this.#close = client.onTunnel((offer) => this.#onOffer(offer));
  }

  async next(signal: AbortSignal): Promise<SecureTunnel> {
    while (this.#arrived === null) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        this.#onArrival = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    this.#current = this.#arrived;
    this.#arrived = null;
    return this.#current;
  }

  close(): void {
    this.#close();
  }

  async #onOffer(offer: TunnelOffer): Promise<void> {
    if (Buffer.from(offer.meta).toString() !== this.#ticket.meta) {
      offer.decline('this peer sends nothing to you');
      return;
    }
    try {
      const { security } = this.#ticket;
      const tunnel = await offer.accept({ security, signal: AbortSignal.timeout(ATTEMPT_MS) });
      this.#arrived?.close('lost');
      this.#arrived = tunnel;
      // The other end would not ask if it still had this one.
      this.#current.close('lost');
      this.#onArrival();
    } catch {
      // The other end asks again.
    }
  }
}
