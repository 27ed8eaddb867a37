/** The public types and classes, the same for every platform. */
export type { BackoffBounds } from './backoff.ts';
export { Client } from './client.ts';
export type { ClientEvents, ClientStats, StartOptions } from './client-types.ts';
export type { ClientKey, TokenSource } from './credentials.ts';
export type { KeyPair } from './e2e/identity.ts';
export {
  CausewayError,
  type CausewayErrorCode,
  ConnectionError,
  RefusedError,
  SecurityError,
  SendError,
  TunnelError,
  type TunnelErrorCode,
  UsageError,
} from './errors.ts';
export { generateKey, keyOf, type WebKey } from './key.ts';
export type { Status } from './link.ts';
export type { ClientOptions, Logger } from './options.ts';
export type { Receipt, Refusal, SendOptions } from './pending-send.ts';
export type { Presence, WatchOptions } from './presence.ts';
export type { IncomingMessage, MessagesOptions } from './receiver.ts';
export type {
  AcceptOptions,
  ConnectToOptions,
  CreateRoomOptions,
  JoinRoomOptions,
  Room,
  Secured,
  SecureTunnel,
  Tunnel,
  TunnelEnd,
  TunnelHandler,
  TunnelOffer,
  TunnelSecurity,
} from './tunnel.ts';
