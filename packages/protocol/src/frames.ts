import type { FrameOrigin, FrameTypeName } from './codes.ts';
import type { MessageId, NodeId, PeerId, RealmName } from './ids.ts';

/** All times are milliseconds; all numbers are whole and at most 2^53 - 1 unless a narrower type is named. */

export interface HelloAuth {
  scheme: 'none' | 'token' | 'key';
  token?: string;
  publicKey?: Uint8Array;
}

export interface HelloFrame {
  type: 'hello';
  /** A version other than 1 is for the session to refuse: of such a HELLO only `v` has been read. */
  v: number;
  realm: RealmName;
  peer?: PeerId;
  auth?: HelloAuth;
  /** 32 random bytes that the client keeps, which renew its reservation. */
  resume?: Uint8Array;
  /** Grows with each connection that the client tries. */
  attempt?: number;
  client?: string;
  traceparent?: string;
}

export interface ChallengeFrame {
  type: 'challenge';
  nonce: Uint8Array;
  node: NodeId;
}

export interface ProofFrame {
  type: 'proof';
  signature: Uint8Array;
}

export interface ReservationLimits {
  messagesPerSecond?: number;
  bytesPerSecond?: number;
}

export interface ReservationInfo {
  ttlMs: number;
  /** Since 1970. */
  expiresAt: number;
  renewed: boolean;
  limits: ReservationLimits;
}

export interface WelcomeFrame {
  type: 'welcome';
  peer: PeerId;
  realm: RealmName;
  node: NodeId;
  region?: string;
  epoch: number;
  heartbeatMs: number;
  /** Bytes. */
  maxPayload: number;
  /** Messages without a receipt. */
  sendWindow: number;
  /** Stored messages that follow, at least. */
  queued: number;
  reservation: ReservationInfo;
  /** Since 1970. */
  serverTime: number;
}

export interface ErrorFrame {
  type: 'error';
  /** An ErrorCodeName, or a code that this version does not know. */
  code: string;
  message: string;
  ref?: number;
  retryAfterMs?: number;
}

export interface GoawayFrame {
  type: 'goaway';
  reason: string;
  reconnectAfterMs: number;
  urls: string[];
}

export interface PingFrame {
  type: 'ping';
  /** 8 bytes. */
  data: Uint8Array;
}

export interface PongFrame {
  type: 'pong';
  /** The 8 bytes of the PING. */
  data: Uint8Array;
}

export interface SendFrame {
  type: 'send';
  /** Null only where the JSON form leaves it out: the relay assigns one. */
  id: MessageId | null;
  /** Bits of SendFlag. */
  flags: number;
  /** Null: not a valid peer id, which the receipt `bad_recipient` answers. */
  to: PeerId | null;
  /** In the binary form a view into the packet: valid as long as that is. */
  payload: Uint8Array;
}

export interface DeliverFrame {
  type: 'deliver';
  /** u32, from 1 on each connection. */
  seq: number;
  id: MessageId;
  /** Bits of DeliverFlag. */
  flags: number;
  from: PeerId;
  /** In the binary form a view into the packet: valid as long as that is. */
  payload: Uint8Array;
}

export interface AckFrame {
  type: 'ack';
  /** u32, cumulative. */
  seq: number;
}

export interface Receipt {
  id: MessageId;
  /** A ReceiptStatusCode, or a u8 that this version does not know. */
  status: number;
}

export interface ReceiptFrame {
  type: 'receipt';
  /** One or more. */
  receipts: Receipt[];
}

export type ThrottleScope = 'peer' | 'realm' | 'cluster' | 'node';

export interface ThrottleFrame {
  type: 'throttle';
  scope: ThrottleScope;
  retryAfterMs: number;
}

export interface WatchFrame {
  type: 'watch';
  peers: PeerId[];
}

export interface UnwatchFrame {
  type: 'unwatch';
  peers: PeerId[];
}

export interface PresenceFrame {
  type: 'presence';
  peer: PeerId;
  online: boolean;
  /** Since 1970. */
  at: number;
}

export interface RoomCreateFrame {
  type: 'room_create';
  ref: number;
  ttlMs?: number;
}

export interface RoomCreatedFrame {
  type: 'room_created';
  ref: number;
  code: string;
  /** Since 1970. */
  expiresAt: number;
}

export interface RoomJoinFrame {
  type: 'room_join';
  ref: number;
  code: string;
}

export interface TunnelConnectFrame {
  type: 'tunnel_connect';
  ref: number;
  to: PeerId;
  /** At most 1 KiB. */
  meta?: Uint8Array;
}

export interface TunnelOfferFrame {
  type: 'tunnel_offer';
  tunnel: number;
  from: PeerId;
  /** At most 1 KiB. */
  meta?: Uint8Array;
}

export interface TunnelAcceptFrame {
  type: 'tunnel_accept';
  tunnel: number;
  accept: boolean;
  reason?: string;
}

export interface TunnelOpenFrame {
  type: 'tunnel_open';
  /** Of the request, at the end that made one. */
  ref?: number;
  tunnel: number;
  peer: PeerId;
  /** Bytes that may be sent. */
  credit: number;
}

export interface TunnelDataFrame {
  type: 'tunnel_data';
  /** u32 */
  tunnel: number;
  /** At most 64 KiB; in the binary form a view into the packet. */
  bytes: Uint8Array;
}

export interface TunnelCreditFrame {
  type: 'tunnel_credit';
  /** u32 */
  tunnel: number;
  /** u32: that many more may be sent. */
  bytes: number;
}

export interface TunnelEndFrame {
  type: 'tunnel_end';
  /** u32 */
  tunnel: number;
}

export interface TunnelCloseFrame {
  type: 'tunnel_close';
  tunnel: number;
  reason: string;
}

export type Frame =
  | HelloFrame
  | ChallengeFrame
  | ProofFrame
  | WelcomeFrame
  | ErrorFrame
  | GoawayFrame
  | PingFrame
  | PongFrame
  | SendFrame
  | DeliverFrame
  | AckFrame
  | ReceiptFrame
  | ThrottleFrame
  | WatchFrame
  | UnwatchFrame
  | PresenceFrame
  | RoomCreateFrame
  | RoomCreatedFrame
  | RoomJoinFrame
  | TunnelConnectFrame
  | TunnelOfferFrame
  | TunnelAcceptFrame
  | TunnelOpenFrame
  | TunnelDataFrame
  | TunnelCreditFrame
  | TunnelEndFrame
  | TunnelCloseFrame;

export type FrameOf<Name extends FrameTypeName> = Extract<Frame, { type: Name }>;

type NamesFrom<Origin> = {
  [Name in FrameTypeName]: (typeof FrameOrigin)[Name] extends Origin ? Name : never;
}[FrameTypeName];

/** What a client may send. */
export type ClientFrame = FrameOf<NamesFrom<'client' | 'both'>>;

/** What a relay may send. */
export type RelayFrame = FrameOf<NamesFrom<'relay' | 'both'>>;

/** Input that breaks the protocol. `reason` is a fragment for people, such as "ACK body is 3 bytes, 4 are needed". */
export interface Malformed {
  readonly reason: string;
}
