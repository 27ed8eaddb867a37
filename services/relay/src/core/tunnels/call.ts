import type { PeerId } from '@causeway/protocol';
import type { PeerKey } from '../address.ts';
import type { Far } from './far.ts';
import type { TunnelEnd } from './tunnel-end.ts';

/** How a tunnel comes about: by the other peer's id, which is offered to it, or by the room that it has opened. */
export type CallKind = 'peer' | 'room';

/** A peer asks for a tunnel to another. */
export interface Call {
  readonly kind: CallKind;
  readonly from: PeerId;
  readonly to: PeerKey;
  /** The owner's number of the request that opened the room; 0 for a call by peer id. */
  readonly ref: number;
  /** For the other client; at most 1 KiB. */
  readonly meta: Uint8Array;
}

/**
 * Why there is no tunnel: the peer is not connected; it declined; it has as many tunnels as it may; nobody could say in
 * time.
 */
export type Refusal = 'offline' | 'declined' | 'full' | 'unavailable';

/** Who calls. It hears one answer, or none once it has withdrawn. */
export interface Caller {
  /** Its end of the tunnel to be. */
  readonly end: TunnelEnd;
  accepted(far: Far): void;
  refused(refusal: Refusal, reason: string): void;
}

/** A call as the peer that is called has it. */
export interface IncomingCall {
  readonly call: Call;
  /** The tunnel is open, with `end` as the end here. Answers the far one; null: the call is not wanted any more. */
  accept(end: TunnelEnd): Far | null;
  refuse(refusal: Refusal, reason: string): void;
}

/** Who can be called: a peer that is connected to this node. */
export interface Callee {
  /** Answers how to take the call back, which does nothing once it was answered. */
  called(incoming: IncomingCall): () => void;
}
