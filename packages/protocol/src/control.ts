import type { FrameTypeName } from './codes.ts';
import {
  type BytesOf,
  bool,
  bytes,
  bytesOfLength,
  bytesUpTo,
  list,
  map,
  node,
  oneOf,
  optional,
  peer,
  readShape,
  realm,
  type Shape,
  text,
  uint,
  withFallback,
} from './fields.ts';
import type { FrameOf, HelloAuth, ReservationInfo, ReservationLimits } from './frames.ts';
import { DEFAULT_REALM } from './ids.ts';
import {
  MAX_TUNNEL_META_BYTES,
  MAX_WATCHED,
  NONCE_BYTES,
  PROTOCOL_VERSION,
  RESUME_BYTES,
  SIGNATURE_BYTES,
} from './limits.ts';

/** Frames whose binary body has a fixed layout; all others are one CBOR map. */
export type DataFrameName =
  | 'ping'
  | 'pong'
  | 'send'
  | 'deliver'
  | 'ack'
  | 'receipt'
  | 'tunnel_data'
  | 'tunnel_credit'
  | 'tunnel_end';
export type ControlFrameName = Exclude<FrameTypeName, DataFrameName>;

export type FrameShape<Name extends FrameTypeName> = Shape<Omit<FrameOf<Name>, 'type'>>;

const auth = map<HelloAuth>('HELLO auth', {
  scheme: oneOf('none', 'token', 'key'),
  token: optional(text),
  publicKey: optional(bytes),
});

const reservation = map<ReservationInfo>('WELCOME reservation', {
  ttlMs: uint,
  expiresAt: uint,
  renewed: bool,
  limits: map<ReservationLimits>('WELCOME reservation limits', {
    messagesPerSecond: optional(uint),
    bytesPerSecond: optional(uint),
  }),
});

const meta = optional(bytesUpTo(MAX_TUNNEL_META_BYTES));
const watched = list(peer, MAX_WATCHED);

/** The fields of every control frame, the same in CBOR and in JSON. */
export const CONTROL_SHAPES: { readonly [Name in ControlFrameName]: FrameShape<Name> } = {
  hello: {
    v: uint,
    realm: withFallback(realm, DEFAULT_REALM),
    peer: optional(peer),
    auth: optional(auth),
    resume: optional(bytesOfLength(RESUME_BYTES)),
    attempt: optional(uint),
    client: optional(text),
    traceparent: optional(text),
  },
  challenge: { nonce: bytesOfLength(NONCE_BYTES), node },
  proof: { signature: bytesOfLength(SIGNATURE_BYTES) },
  welcome: {
    peer,
    realm,
    node,
    region: optional(text),
    epoch: uint,
    heartbeatMs: uint,
    maxPayload: uint,
    sendWindow: uint,
    queued: uint,
    reservation,
    serverTime: uint,
  },
  error: { code: text, message: text, ref: optional(uint), retryAfterMs: optional(uint) },
  goaway: { reason: text, reconnectAfterMs: uint, urls: list(text, Infinity) },
  throttle: { scope: oneOf('peer', 'realm', 'cluster', 'node'), retryAfterMs: uint },
  watch: { peers: watched },
  unwatch: { peers: watched },
  presence: { peer, online: bool, at: uint },
  room_create: { ref: uint, ttlMs: optional(uint) },
  room_created: { ref: uint, code: text, expiresAt: uint },
  room_join: { ref: uint, code: text },
  tunnel_connect: { ref: uint, to: peer, meta },
  tunnel_offer: { tunnel: uint, from: peer, meta },
  tunnel_accept: { tunnel: uint, accept: bool, reason: optional(text) },
  tunnel_open: { ref: optional(uint), tunnel: uint, peer, credit: uint },
  tunnel_close: { tunnel: uint, reason: text },
};

/**
 * Builds a frame out of a decoded map.
 * @throws Rejection where a field is missing or wrong.
 */
export function readFrame<Name extends FrameTypeName>(
  name: Name,
  shape: FrameShape<Name>,
  value: unknown,
  bytesOf: BytesOf,
): FrameOf<Name> {
  const label = name.toUpperCase();
  const fields =
    name === 'hello' && isOtherVersion(value)
      ? { ...readShape(label, VERSION_ONLY, value, bytesOf), realm: DEFAULT_REALM }
      : readShape(label, shape as unknown as Parameters<typeof readShape>[1], value, bytesOf);
  return { ...fields, type: name } as unknown as FrameOf<Name>;
}

// The other fields of another version may mean anything; it is to be refused as such, not as malformed.
const VERSION_ONLY = { v: uint };

function isOtherVersion(hello: unknown): boolean {
  const v = (hello as { v?: unknown } | null)?.v;
  return v !== undefined && v !== PROTOCOL_VERSION;
}
