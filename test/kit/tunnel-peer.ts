import type { ErrorFrame, RelayFrame, RoomCreatedFrame, TunnelOfferFrame } from '@causeway/protocol';
import { connectPeer, type Hello, type PeerOptions, peerId, type RawPeer } from './peer.ts';
import { KitTunnel, type TunnelFrame, type TunnelOptions } from './tunnel.ts';

/** A request was answered by an ERROR. */
export class TunnelRefused extends Error {
  readonly frame: ErrorFrame;

  constructor(frame: ErrorFrame) {
    super(`${frame.code}: ${frame.message}`);
    this.frame = frame;
  }
}

export interface KitRoom {
  readonly code: string;
  readonly created: RoomCreatedFrame;
  /** Resolves when somebody has joined. */
  opened(): Promise<KitTunnel>;
}

/** Makes tunnels over a connection, and gives each what is said of it. */
export class TunnelPeer {
  readonly raw: RawPeer;
  readonly #tunnels: Map<number, KitTunnel>;
  #lastRef = 0;

  private constructor(raw: RawPeer, tunnels: Map<number, KitTunnel>) {
    this.raw = raw;
    this.#tunnels = tunnels;
  }

  /** Connects and says HELLO. The options are for all its tunnels. */
  static async join(peer: PeerOptions, hello: Hello, options: TunnelOptions = {}): Promise<TunnelPeer> {
    const tunnels = new Map<number, KitTunnel>();
    // Within the packet that opened the tunnel there may be frames of it already, so it is made here.
    const onFrame = (frame: RelayFrame): boolean => {
      if (frame.type === 'tunnel_open') tunnels.set(frame.tunnel, new KitTunnel(raw, frame, options));
      if (!isOfTunnel(frame)) return false;
      const tunnel = tunnels.get(frame.tunnel);
      tunnel?.take(frame);
      // The close of one that was only offered is for whoever asks for it.
      return tunnel !== undefined;
    };
    const raw = await connectPeer({ ...peer, onFrame });
    await raw.hello(hello);
    return new TunnelPeer(raw, tunnels);
  }

  async createRoom(ttlMs?: number): Promise<KitRoom> {
    const ref = this.nextRef();
    this.raw.send({ type: 'room_create', ref, ...(ttlMs !== undefined && { ttlMs }) });
    const created = await this.#unlessRefused(
      ref,
      this.raw.next('room_created', (frame) => frame.ref === ref),
    );
    return { code: created.code, created, opened: () => this.opened(ref) };
  }

  /** Sends ROOM_JOIN and does not wait. */
  askToJoin(code: string): number {
    const ref = this.nextRef();
    this.raw.send({ type: 'room_join', ref, code });
    return ref;
  }

  /** Rejects with TunnelRefused. */
  joinRoom(code: string): Promise<KitTunnel> {
    return this.opened(this.askToJoin(code));
  }

  /** Sends TUNNEL_CONNECT and does not wait. */
  ask(to: string, meta?: Uint8Array): number {
    const ref = this.nextRef();
    this.raw.send({ type: 'tunnel_connect', ref, to: peerId(to), ...(meta && { meta }) });
    return ref;
  }

  /** Rejects with TunnelRefused. */
  connect(to: string): Promise<KitTunnel> {
    return this.opened(this.ask(to));
  }

  offer(): Promise<TunnelOfferFrame> {
    return this.raw.next('tunnel_offer');
  }

  /** Takes the next offer. */
  async accept(): Promise<KitTunnel> {
    const { tunnel } = await this.offer();
    this.raw.send({ type: 'tunnel_accept', tunnel, accept: true });
    return this.#made(await this.raw.next('tunnel_open', (frame) => frame.tunnel === tunnel));
  }

  /** The tunnel of a request. */
  async opened(ref: number): Promise<KitTunnel> {
    const open = this.raw.next('tunnel_open', (frame) => frame.ref === ref);
    return this.#made(await this.#unlessRefused(ref, open));
  }

  nextRef(): number {
    this.#lastRef += 1;
    return this.#lastRef;
  }

  stop(): void {
    this.raw.terminate();
  }

  #made({ tunnel }: { readonly tunnel: number }): KitTunnel {
    return this.#tunnels.get(tunnel) as KitTunnel;
  }

  async #unlessRefused<T>(ref: number, answer: Promise<T>): Promise<T> {
    const refused = this.raw.next('error', (frame) => frame.ref === ref);
    return Promise.race([answer, refused.then((frame) => Promise.reject(new TunnelRefused(frame)))]);
  }
}

function isOfTunnel(frame: RelayFrame): frame is TunnelFrame {
  return (
    frame.type === 'tunnel_data' ||
    frame.type === 'tunnel_credit' ||
    frame.type === 'tunnel_end' ||
    frame.type === 'tunnel_close'
  );
}

/** Both ends of a tunnel that the first peer has asked for. */
export async function tunnelBetween(
  from: TunnelPeer,
  to: TunnelPeer,
  name: string,
): Promise<readonly [from: KitTunnel, to: KitTunnel]> {
  return Promise.all([from.connect(name), to.accept()]);
}
