/** Why a relay closes a tunnel; a client's own reason is any short text. */
export const TUNNEL_REASONS = {
  peer_gone: 'the connection of the other end has ended',
  node_gone: "the other end's relay is gone, or has been cut off",
  lost: 'bytes were lost between two relays',
  unavailable: 'the way between two relays was closed for too long',
  overloaded: 'the relay holds as many bytes of tunnels as it may',
  credit: 'one end sent beyond its credit, or returned more than it had taken',
  limit: 'the tunnel has carried as many bytes as it may',
  idle: 'nothing came for too long',
  timeout: 'the offer was not answered in time',
} as const;
export type TunnelReason = keyof typeof TUNNEL_REASONS;

/** What an end tells the other one, be it on this node or elsewhere. */
export interface Far {
  /** The bytes are valid during the call. */
  data(bytes: Uint8Array): void;
  /** So many more may be sent. */
  credit(bytes: number): void;
  /** No more bytes come, behind those that were given. */
  end(): void;
  /** Both directions are over, at once. */
  close(reason: string): void;
  /** Nothing more is told. `atOnce`: what was told and still waits is not wanted any more, either. */
  over(atOnce: boolean): void;
}
