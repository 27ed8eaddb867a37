import { type PeerId, TUNNEL_ACCEPT_TIMEOUT_MS } from '@causeway/protocol';
import type { Timers } from '../clock.ts';
import type { Counters } from '../counters.ts';
import type { IncomingCall, Refusal } from './call.ts';
import { type Places, shortened } from './places.ts';
import type { TunnelEnd } from './tunnel-end.ts';

/** So many times the tunnels that a client may have it may be offered: one caller cannot take all places. */
const OFFERS_FACTOR = 2;

interface Offer {
  readonly incoming: IncomingCall;
  readonly end: TunnelEnd;
  readonly cancel: () => void;
}

export interface OffersDeps {
  readonly timers: Timers;
  readonly counters: Counters;
  readonly perConnection: number;
}

/** Tunnels that other peers ask a client for, until it has answered. */
export class Offers {
  private readonly places: Places;
  private readonly deps: OffersDeps;
  private readonly offers = new Map<number, Offer>();

  constructor(places: Places, deps: OffersDeps) {
    this.places = places;
    this.deps = deps;
  }

  /** Answers how to take the offer back. */
  add(incoming: IncomingCall): () => void {
    const { from, meta } = incoming.call;
    if (!this.takes(from)) {
      incoming.refuse('full', '');
      return () => undefined;
    }
    const end = this.places.newEnd();
    const { tunnel } = end;
    const cancel = this.deps.timers.after(TUNNEL_ACCEPT_TIMEOUT_MS, () => {
      this.deps.counters.tunnelsFailed.timeout += 1;
      incoming.refuse('declined', 'the peer did not answer in time');
      this.takeBack(tunnel, 'timeout');
    });
    this.offers.set(tunnel, { incoming, end, cancel });
    this.places.connection.send({ type: 'tunnel_offer', tunnel, from, ...(meta.length > 0 && { meta }) });
    return () => this.takeBack(tunnel, 'peer_gone');
  }

  /** False: there is no such offer. */
  answer(tunnel: number, accept: boolean, reason: string): boolean {
    const offer = this.remove(tunnel);
    if (offer === undefined) return false;
    if (!accept) this.turnDown(offer, 'declined', shortened(reason));
    else if (this.places.isFull()) {
      this.turnDown(offer, 'full', '');
      this.places.connection.send({ type: 'tunnel_close', tunnel, reason: 'limit' });
    } else this.places.begin(offer.end, offer.incoming, null);
    return true;
  }

  /** The connection has ended. */
  leave(): void {
    for (const tunnel of [...this.offers.keys()]) this.turnDown(this.remove(tunnel) as Offer, 'offline', '');
  }

  private takes(from: PeerId): boolean {
    let own = 0;
    for (const { incoming } of this.offers.values()) if (incoming.call.from === from) own += 1;
    const { perConnection } = this.deps;
    return own < perConnection && this.offers.size < OFFERS_FACTOR * perConnection;
  }

  private turnDown({ end, incoming }: Offer, refusal: Refusal, reason: string): void {
    this.places.forget(end);
    incoming.refuse(refusal, reason);
  }

  private takeBack(tunnel: number, reason: string): void {
    const offer = this.remove(tunnel);
    if (offer === undefined) return;
    this.places.forget(offer.end);
    this.places.connection.send({ type: 'tunnel_close', tunnel, reason });
  }

  private remove(tunnel: number): Offer | undefined {
    const offer = this.offers.get(tunnel);
    this.offers.delete(tunnel);
    offer?.cancel();
    return offer;
  }
}
