/** Number of each frame on the wire, by its name in the JSON form. */
export const FrameType = {
  hello: 0x01,
  challenge: 0x02,
  proof: 0x03,
  welcome: 0x04,
  error: 0x05,
  goaway: 0x06,
  ping: 0x07,
  pong: 0x08,
  send: 0x10,
  deliver: 0x11,
  ack: 0x12,
  receipt: 0x13,
  throttle: 0x14,
  watch: 0x18,
  unwatch: 0x19,
  presence: 0x1a,
  room_create: 0x20,
  room_created: 0x21,
  room_join: 0x22,
  tunnel_connect: 0x23,
  tunnel_offer: 0x24,
  tunnel_accept: 0x25,
  tunnel_open: 0x26,
  tunnel_data: 0x27,
  tunnel_credit: 0x28,
  tunnel_end: 0x29,
  tunnel_close: 0x2a,
} as const;
export type FrameTypeName = keyof typeof FrameType;

/** First of the numbers (to 0xFF) that a receiver skips when it does not know them: room for optional extensions. */
export const FIRST_EXTENSION_TYPE = 0xc0;

/** Who may send each frame. */
export const FrameOrigin = {
  hello: 'client',
  challenge: 'relay',
  proof: 'client',
  welcome: 'relay',
  error: 'relay',
  goaway: 'relay',
  ping: 'both',
  pong: 'both',
  send: 'client',
  deliver: 'relay',
  ack: 'client',
  receipt: 'relay',
  throttle: 'relay',
  watch: 'client',
  unwatch: 'client',
  presence: 'relay',
  room_create: 'client',
  room_created: 'relay',
  room_join: 'client',
  tunnel_connect: 'client',
  tunnel_offer: 'relay',
  tunnel_accept: 'client',
  tunnel_open: 'relay',
  tunnel_data: 'both',
  tunnel_credit: 'both',
  tunnel_end: 'both',
  tunnel_close: 'both',
} as const satisfies Record<FrameTypeName, 'client' | 'relay' | 'both'>;

export const FRAME_TYPE_NAMES = Object.keys(FrameType) as FrameTypeName[];

export function isFrameTypeName(name: string): name is FrameTypeName {
  return Object.hasOwn(FrameType, name);
}

/** Bits of `flags` in SEND. */
export const SendFlag = {
  /** Never queue: `offline` or `unconfirmed` rather than stored. */
  noStore: 1,
  /** No receipt unless it is a refusal. */
  noReceipt: 2,
  /** Begins again after a temporary refusal to this recipient. */
  afterRefusal: 4,
} as const;

/** Bits of `flags` in DELIVER. */
export const DeliverFlag = {
  /** Came out of the mailbox. */
  stored: 1,
  /** May have been delivered before. */
  again: 2,
} as const;

/** Outcome of one message; 16 and above are refusals. */
export const ReceiptStatus = {
  delivered: 1,
  queued: 2,
  offline: 16,
  rate_limited: 17,
  too_large: 18,
  overloaded: 19,
  unavailable: 20,
  forbidden: 21,
  bad_recipient: 22,
  unconfirmed: 23,
} as const;
export type ReceiptStatusName = keyof typeof ReceiptStatus;
export type ReceiptStatusCode = (typeof ReceiptStatus)[ReceiptStatusName];

const STATUS_NAMES: ReadonlyMap<number, ReceiptStatusName> = new Map(
  (Object.keys(ReceiptStatus) as ReceiptStatusName[]).map((name) => [ReceiptStatus[name], name]),
);

export function receiptStatusName(code: number): ReceiptStatusName | undefined {
  return STATUS_NAMES.get(code);
}

export function isReceiptStatusName(name: string): name is ReceiptStatusName {
  return Object.hasOwn(ReceiptStatus, name);
}

/** True for refusals that are sticky and end in another try: every later SEND to that recipient is refused alike. */
export function isTemporary(code: number): boolean {
  return code === ReceiptStatus.rate_limited || code === ReceiptStatus.overloaded || code === ReceiptStatus.unavailable;
}

/** WebSocket close codes. A client comes back by itself after 40xx and does not after 44xx. */
export const CloseCode = {
  /** After GOAWAY: comes back after its hint. */
  draining: 4001,
  /** Node fenced, or no outcome in time: comes back with backoff. */
  unavailable: 4002,
  /** Its token ended: comes back with a fresh one. */
  expired: 4003,
  /** No HELLO, or no bytes for two heartbeats: comes back with backoff. */
  timeout: 4008,
  /** Over a limit, or the server is full: comes back after `retryAfterMs`. */
  busy: 4029,
  malformed: 4400,
  unauthorized: 4401,
  forbidden: 4403,
  /** A newer connection of the same peer took over. */
  replaced: 4409,
} as const;
export type CloseCodeName = keyof typeof CloseCode;

export interface ErrorRule {
  /** Close code that follows an ERROR without `ref`; null for codes that only answer a request. */
  readonly close: number | null;
  /** Whether the client tries again by itself. */
  readonly retry: boolean;
}

/** Codes of ERROR. With `ref` it answers that request and the connection goes on; without, it is closed. */
export const ErrorCode = {
  unavailable: { close: CloseCode.unavailable, retry: true },
  internal: { close: CloseCode.unavailable, retry: true },
  expired: { close: CloseCode.expired, retry: true },
  timeout: { close: CloseCode.timeout, retry: true },
  rate_limited: { close: CloseCode.busy, retry: true },
  server_full: { close: CloseCode.busy, retry: true },
  malformed: { close: CloseCode.malformed, retry: false },
  unsupported_version: { close: CloseCode.malformed, retry: false },
  unauthorized: { close: CloseCode.unauthorized, retry: false },
  forbidden: { close: CloseCode.forbidden, retry: false },
  peer_in_use: { close: CloseCode.forbidden, retry: false },
  no_room: { close: null, retry: false },
  peer_offline: { close: null, retry: false },
  declined: { close: null, retry: false },
  tunnel_limit: { close: null, retry: false },
  room_limit: { close: null, retry: false },
} as const satisfies Record<string, ErrorRule>;
export type ErrorCodeName = keyof typeof ErrorCode;

export function isErrorCodeName(code: string): code is ErrorCodeName {
  return Object.hasOwn(ErrorCode, code);
}
