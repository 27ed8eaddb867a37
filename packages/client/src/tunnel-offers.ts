import { encodeFrame, type TunnelOfferFrame } from '@causeway/protocol';
import { Deferred } from './deferred.ts';
import { TunnelError, UsageError } from './errors.ts';
import type {
  AcceptOptions,
  Secured,
  SecureTunnel,
  Tunnel,
  TunnelHandler,
  TunnelOffer,
  TunnelSecurity,
} from './tunnel.ts';
import { cutReason, type TunnelPipe } from './tunnel-pipe.ts';
import type { Handshake } from './tunnel-security.ts';
import { untilAborted } from './until-aborted.ts';

/** Decline, where the application has no handler or its handler threw. */
const NOT_WANTED = 'not wanted';

export interface OffersHost {
  secure(pipe: TunnelPipe, security: TunnelSecurity, handshake: Handshake): Promise<SecureTunnel>;
  write(packet: Uint8Array): void;
  /** The application's handler threw. */
  onHandlerError(error: unknown): void;
}

/** What other peers offer to this one, until their tunnels are open. */
export class TunnelOffers {
  readonly #host: OffersHost;
  readonly #offers = new Map<number, Offer>();
  #handler: TunnelHandler | null = null;

  constructor(host: OffersHost) {
    this.#host = host;
  }

  /** @throws UsageError `bad_option` when there is a handler already */
  handle(handler: TunnelHandler): () => void {
    if (this.#handler) throw new UsageError('bad_option', 'there is a handler for tunnels already');
    this.#handler = handler;
    return () => {
      if (this.#handler === handler) this.#handler = null;
    };
  }

  onOffer(frame: TunnelOfferFrame): void {
    const offer = new Offer(frame, this.#host, () => this.#offers.delete(frame.tunnel));
    this.#offers.set(frame.tunnel, offer);
    if (this.#handler) void this.#show(offer, this.#handler);
    else offer.decline(NOT_WANTED);
  }

  /** TUNNEL_OPEN of a tunnel that was accepted. @returns whether it is still wanted */
  onOpen(pipe: TunnelPipe, tunnel: number): boolean {
    return this.#offers.get(tunnel)?.open(pipe) ?? false;
  }

  onClose(tunnel: number, reason: string): void {
    const text = `the tunnel was closed before it was open: ${reason}`;
    this.#offers.get(tunnel)?.withdraw(new TunnelError('closed', text, { reason }));
  }

  /** The connection ended, or the client. */
  lost(error: TunnelError): void {
    for (const offer of [...this.#offers.values()]) offer.withdraw(error);
  }

  async #show(offer: Offer, handler: TunnelHandler): Promise<void> {
    try {
      await handler(offer);
    } catch (error) {
      offer.decline(NOT_WANTED);
      this.#host.onHandlerError(error);
    }
  }
}

class Offer implements TunnelOffer {
  readonly peer: string;
  readonly meta: Uint8Array;
  readonly #tunnel: number;
  readonly #host: OffersHost;
  readonly #settled: () => void;
  readonly #opened = new Deferred<TunnelPipe>();
  #state: 'offered' | 'accepted' | 'over' = 'offered';

  constructor(frame: TunnelOfferFrame, host: OffersHost, settled: () => void) {
    this.peer = frame.from;
    this.meta = frame.meta ?? new Uint8Array(0);
    this.#tunnel = frame.tunnel;
    this.#host = host;
    this.#settled = settled;
  }

  accept(options: AcceptOptions & Secured): Promise<SecureTunnel>;
  accept(options?: AcceptOptions): Promise<Tunnel>;
  async accept({ signal, security }: AcceptOptions & Partial<Secured> = {}): Promise<Tunnel> {
    if (this.#state === 'accepted') throw new UsageError('bad_option', 'the offer was answered already');
    if (signal?.aborted) this.decline('aborted');
    if (this.#state === 'offered') {
      this.#state = 'accepted';
      this.#host.write(encodeFrame({ type: 'tunnel_accept', tunnel: this.#tunnel, accept: true }));
    }
    const pipe = await untilAborted(this.#opened.promise, signal, (error) => this.withdraw(error));
    if (!security) return pipe;
    return this.#host.secure(pipe, security, { role: 'responder', context: ['tunnel', this.meta], signal });
  }

  decline(reason?: string): void {
    if (this.#state !== 'offered') return;
    const why = reason === undefined ? {} : { reason: cutReason(reason) };
    this.#host.write(encodeFrame({ type: 'tunnel_accept', tunnel: this.#tunnel, accept: false, ...why }));
    this.withdraw(new TunnelError('aborted', 'this end declined the offer'));
  }

  open(pipe: TunnelPipe): boolean {
    if (this.#state !== 'accepted') return false;
    this.#state = 'over';
    this.#settled();
    this.#opened.resolve(pipe);
    return true;
  }

  withdraw(error: TunnelError): void {
    this.#state = 'over';
    this.#settled();
    this.#opened.reject(error);
  }
}
