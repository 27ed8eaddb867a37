import type { KeyPair } from './e2e/identity.ts';

/** How a tunnel ended. */
export type TunnelEnd =
  /** Both ends have closed their direction, and every byte went through. */
  | { readonly kind: 'done' }
  /** `byPeer`: by the other end or a relay; otherwise by this end, or because its connection was lost. */
  | { readonly kind: 'closed'; readonly reason: string; readonly byPeer: boolean };

/** A live pipe of bytes to another peer. Both streams are its two directions, and each ends by itself. */
export interface Tunnel {
  /** The other end, as the relay attests it. */
  readonly peer: string;
  /**
   * A byte stream: readers may bring their own buffers. It ends after the last byte of the other end, and fails with a
   * TunnelError when the tunnel is closed before. Cancelling it closes the tunnel, unless the other end has ended.
   */
  readonly readable: ReadableStream<Uint8Array>;
  /**
   * `close()` says that no more bytes come; the other direction goes on. `abort(reason)` closes the tunnel. A write is
   * settled when the socket has the bytes, which waits for the other end's application to read.
   */
  readonly writable: WritableStream<Uint8Array>;
  /** Never rejects. */
  readonly closed: Promise<TunnelEnd>;
  /** Ends both directions at once; what is on its way is lost. @param reason for the other end, at most 128 bytes */
  close(reason?: string): void;
}

/** A tunnel that only its two ends can read; the streams carry what the application writes, in clear. */
export interface SecureTunnel extends Tunnel {
  /** The same text at both ends and no other pair's: people may compare it to be sure of each other. */
  readonly verifier: string;
  /** The static key of the other end, which it has proved to hold: with `noise`, otherwise null. */
  readonly remote: Uint8Array | null;
  /** The Ed25519 key that the other end has proved to hold: with `noise`, where it has one, otherwise null. */
  readonly remoteSigner: Uint8Array | null;
  /** A secret that both ends have and nobody else, for what `label` says. @param bytes 1 to 8160 */
  exportKey(label: string, bytes: number): Uint8Array;
}

/** How the two ends of a tunnel make sure of each other and encrypt; both ends choose the same. */
export type TunnelSecurity =
  /** By a secret that both have, which may be short. Whoever is between them has one guess for each tunnel. */
  | { readonly kind: 'pake'; readonly secret: Uint8Array | string }
  /**
   * By static keys, each end its own. A client with a `key` proves with it that it is its peer, and expects of the other
   * end to be the one that the peer id stands for. Without one, give `remote`, or look at it afterwards, or at `verifier`.
   */
  | {
      readonly kind: 'noise';
      /** Of this end (`generateIdentity`). Default: a new one. */
      readonly identity?: KeyPair;
      /** The key that the other end must have. */
      readonly remote?: Uint8Array;
    };

export interface Secured {
  readonly security: TunnelSecurity;
}

export interface ConnectToOptions {
  /** What the other end is told with the offer, at most 1 KiB. The relay can read it. Text goes as UTF-8. */
  readonly meta?: Uint8Array | string;
  /** Gives the request up, until the tunnel is open. */
  readonly signal?: AbortSignal;
}

export interface AcceptOptions {
  /** Gives up, until the tunnel is open. */
  readonly signal?: AbortSignal;
}

export interface CreateRoomOptions {
  /** Milliseconds for which the room waits; the relay has a default and a maximum. */
  readonly ttlMs?: number;
  /** Words of the code, 1 to 16. Default 3, of 1296 each. */
  readonly words?: number;
  /** Gives the room up, until its tunnel is open. */
  readonly signal?: AbortSignal;
}

export interface JoinRoomOptions {
  /** Gives up, until the tunnel is open. */
  readonly signal?: AbortSignal;
}

/** A meeting point for one other peer. */
export interface Room {
  /** What the other peer needs to join, like `4821-copper-violin-lake`. Whoever has it can take the other's place. */
  readonly code: string;
  /** When the room ends unless somebody has joined, on the relay's clock. */
  readonly expiresAt: Date;
  /**
   * The tunnel, once a peer has joined and both have the key. Rejects with TunnelError `expired`, `aborted`, `stopped`,
   * `closed` or `connection_lost`, or SecurityError `wrong_code` when the one who joined had other words: then the room is
   * used up.
   */
  readonly tunnel: Promise<SecureTunnel>;
  /** Gives the room up; once the tunnel is there: nothing. */
  close(): void;
}

/** Another peer wants a tunnel. It waits 10 s for the answer. */
export interface TunnelOffer {
  /** Who asks, as the relay attests it. */
  readonly peer: string;
  /** What it says with it, as it is: the relay has seen it. Empty when there is nothing. */
  readonly meta: Uint8Array;
  /**
   * @throws TunnelError `closed`, `connection_lost`, `aborted`, `stopped`; UsageError for an offer that was answered;
   * SecurityError with `security`
   */
  accept(options: AcceptOptions & Secured): Promise<SecureTunnel>;
  accept(options?: AcceptOptions): Promise<Tunnel>;
  /** Again, or after `accept`: nothing. */
  decline(reason?: string): void;
}

export type TunnelHandler = (offer: TunnelOffer) => void | Promise<void>;
