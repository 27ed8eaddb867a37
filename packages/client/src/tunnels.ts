import type { RelayFrame, TunnelOpenFrame, WelcomeFrame } from '@causeway/protocol';
import type { Credentials } from './credentials.ts';
import { type ConnectionError, TunnelError } from './errors.ts';
import type { Identity } from './hello.ts';
import type { Logger } from './options.ts';
import type { SecureTunnel, Tunnel, TunnelSecurity } from './tunnel.ts';
import { TunnelOffers } from './tunnel-offers.ts';
import { Outlet } from './tunnel-outlet.ts';
import { type PipeHost, TunnelPipe } from './tunnel-pipe.ts';
import { TunnelRequests } from './tunnel-requests.ts';
import type { Handshake } from './tunnel-security.ts';

/** What TUNNEL_CLOSE says where the ends did not come to a key and the tunnel is still open. */
const NO_KEY = 'the key exchange failed';

/** Whose tunnels these are. */
export interface Self {
  readonly identity: Identity;
  readonly credentials: Credentials;
}

export interface TunnelsHandlers {
  write(packet: Uint8Array): void;
  /** Bytes that wait in the socket. */
  buffered(): number;
}

/** All tunnels of a client, and what may become one (PROTOCOL section 7). */
export class Tunnels {
  readonly requests: TunnelRequests;
  readonly offers: TunnelOffers;
  readonly #self: Self;
  readonly #outlet: Outlet;
  readonly #host: PipeHost;
  /** What the relay's clock showed, and when, on that of `performance.now()`. */
  #relayClock = { time: 0, at: 0 };
  /** Open ones of this connection, by their number on it. */
  readonly #pipes = new Map<number, TunnelPipe>();

  constructor(handlers: TunnelsHandlers, self: Self, logger: Logger) {
    const { write } = handlers;
    this.#self = self;
    this.requests = new TunnelRequests(write);
    this.offers = new TunnelOffers({
      secure: (pipe, security, handshake) => this.secure(pipe, security, handshake),
      write,
      onHandlerError: (error) => logger.error('the handler of an offered tunnel threw', { error }),
    });
    this.#outlet = new Outlet(handlers);
    this.#host = { outlet: this.#outlet, write, forget: (tunnel) => this.#pipes.delete(tunnel) };
  }

  started(): void {
    this.requests.started();
  }

  opened(welcome: WelcomeFrame): void {
    this.#relayClock = { time: welcome.serverTime, at: performance.now() };
    this.requests.opened();
  }

  /** Milliseconds until it is `time` (since 1970) on the relay's clock. */
  untilRelayTime(time: number): number {
    return time - this.#relayClock.time - (performance.now() - this.#relayClock.at);
  }

  /**
   * Makes a tunnel an encrypted one. Its handshake takes in the realm and who the ends are, so that a relay that told them
   * of others is found out.
   * @throws SecurityError, TunnelError; the tunnel is closed then
   */
  async secure(pipe: Tunnel, security: TunnelSecurity, { role, context, signal }: Handshake): Promise<SecureTunnel> {
    const { identity, credentials } = this.#self;
    const { realm, peer: own = '' } = identity;
    const key = credentials.scheme === 'key' ? credentials.key : undefined;
    const bound = [...context, realm, ...(role === 'initiator' ? [own, pipe.peer] : [pipe.peer, own])];
    try {
      // Loaded when it is needed: the cryptography is larger than all the rest.
      const { secureTunnel } = await import('./tunnel-security.ts');
      return await secureTunnel(pipe, security, { role, context: bound, signal }, key);
    } catch (error) {
      pipe.close(NO_KEY);
      throw error;
    }
  }

  /** Tunnels end with their connection. */
  closed(): void {
    this.requests.closed();
    this.#lose(new TunnelError('connection_lost', 'the connection that carried the tunnel ended'));
  }

  finished(cause: ConnectionError | null): void {
    const error = new TunnelError('stopped', 'the client was stopped', { cause: cause ?? undefined });
    this.requests.finished(error);
    this.#lose(error);
  }

  /** @returns whether the frame was one of these */
  onFrame(frame: RelayFrame): boolean {
    switch (frame.type) {
      case 'tunnel_data':
        this.#pipes.get(frame.tunnel)?.onData(frame.bytes);
        return true;
      case 'tunnel_credit':
        this.#pipes.get(frame.tunnel)?.onCredit(frame.bytes);
        return true;
      case 'tunnel_end':
        this.#pipes.get(frame.tunnel)?.onEnd();
        return true;
      case 'tunnel_close':
        this.#pipes.get(frame.tunnel)?.onClose(frame.reason);
        this.offers.onClose(frame.tunnel, frame.reason);
        return true;
      case 'tunnel_open':
        this.#onOpen(frame);
        return true;
      case 'tunnel_offer':
        this.offers.onOffer(frame);
        return true;
      case 'room_created':
        this.requests.onCreated(frame);
        return true;
      case 'error':
        if (frame.ref !== undefined) this.requests.onError({ ...frame, ref: frame.ref });
        return frame.ref !== undefined;
      default:
        return false;
    }
  }

  #onOpen(frame: TunnelOpenFrame): void {
    const { ref, tunnel } = frame;
    const pipe = new TunnelPipe(frame, this.#host);
    this.#pipes.set(tunnel, pipe);
    const request = ref === undefined ? undefined : this.requests.take(ref);
    if (request) request.opened.resolve(pipe);
    else if (!this.offers.onOpen(pipe, tunnel)) pipe.close('nobody waits for it any more');
  }

  #lose(error: TunnelError): void {
    this.#outlet.clear();
    this.offers.lost(error);
    for (const pipe of [...this.#pipes.values()]) pipe.lost(error);
  }
}
