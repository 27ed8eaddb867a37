import type { ErrorCodeName, MessageId, ReceiptStatusName } from '@causeway/protocol';

/** What ends an encrypted channel, beside an error of the streams below it. */
export type SecurityErrorCode =
  | 'wrong_code'
  | 'wrong_peer'
  | 'tampered'
  | 'truncated'
  | 'aborted'
  | 'unsupported_version';

/** Every `code` that an error of this library can carry. They do not change within a major version. */
export type CausewayErrorCode =
  | 'bad_option'
  | 'bad_code'
  | 'bad_peer'
  | 'aborted'
  | 'timeout'
  | 'outcome_unknown'
  | 'queue_full'
  | 'watch_limit'
  | 'stopped'
  | 'unreachable'
  | 'replaced'
  | 'closed'
  | 'connection_lost'
  | SecurityErrorCode
  | ErrorCodeName
  | ReceiptStatusName;

/**
 * The base of all errors of this library.
 *
 * `code` is stable and meant for programs, `message` for people. `retryable` says whether doing the same again later
 * can succeed without a change of the arguments or of the relay's configuration.
 */
export class CausewayError extends Error {
  readonly code: CausewayErrorCode;
  readonly retryable: boolean;

  constructor(code: CausewayErrorCode, message: string, retryable: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = retryable;
  }
}

/**
 * An argument or option that cannot work: `bad_option`, `bad_code`, `bad_peer`, `watch_limit`. Thrown before anything is
 * sent.
 */
export class UsageError extends CausewayError {
  constructor(code: 'bad_option' | 'bad_code' | 'bad_peer' | 'watch_limit', message: string) {
    super(code, message, false);
  }
}

/**
 * The relay refused a message for good. `code` is the receipt's status: `offline`, `too_large`, `forbidden`,
 * `bad_recipient`, or `unconfirmed`.
 */
export class RefusedError extends CausewayError {
  readonly id: MessageId;
  readonly to: string;

  constructor(status: ReceiptStatusName, id: MessageId, to: string, detail: string) {
    super(
      status,
      `message to ${JSON.stringify(to)} refused: ${detail}`,
      status === 'offline' || status === 'unconfirmed',
    );
    this.id = id;
    this.to = to;
  }
}

/**
 * A send that ended without a receipt.
 *
 * `timeout`, `aborted` and `stopped`: the message was never sent, or the relay refused every copy. `outcome_unknown`:
 * it was on its way, so it may still arrive; sending the same content again may show it twice. `queue_full`: too much
 * waits already.
 */
export class SendError extends CausewayError {
  readonly id: MessageId | null;

  constructor(
    code: 'timeout' | 'aborted' | 'stopped' | 'outcome_unknown' | 'queue_full',
    message: string,
    id: MessageId | null,
    cause?: unknown,
  ) {
    super(code, message, code !== 'aborted', cause);
    this.id = id;
  }
}

/**
 * The client ended its connection for good, or never got one. `closeCode` is the WebSocket close code, where there was
 * one: 44xx means that trying again without a change is pointless (PROTOCOL section 6).
 */
export class ConnectionError extends CausewayError {
  readonly closeCode: number | null;

  constructor(code: CausewayErrorCode, message: string, retryable: boolean, closeCode: number | null, cause?: unknown) {
    super(code, message, retryable, cause);
    this.closeCode = closeCode;
  }
}

/**
 * An encrypted channel that was not made, or is over. Both directions of the streams below it have ended.
 *
 * `wrong_code`: the two ends have different secrets, or somebody changed the handshake. `wrong_peer`: the other end is not
 * the one that was asked for. `tampered`: bytes were changed, repeated, left out or reordered on their way, or were never
 * of this protocol. `truncated`: the bytes ended before the other end said so. `aborted`: by the signal.
 * `unsupported_version`: the other end is newer.
 */
export class SecurityError extends CausewayError {
  constructor(code: SecurityErrorCode, message: string, cause?: unknown) {
    super(code, message, code === 'truncated', cause);
  }
}

/** What ends a request for a tunnel, or a tunnel, before it was done. */
export type TunnelErrorCode =
  | 'no_room'
  | 'peer_offline'
  | 'declined'
  | 'tunnel_limit'
  | 'room_limit'
  | 'rate_limited'
  | 'unavailable'
  | 'forbidden'
  | 'internal'
  | 'expired'
  | 'closed'
  | 'connection_lost'
  | 'aborted'
  | 'stopped';

const LASTING: ReadonlySet<TunnelErrorCode> = new Set(['no_room', 'declined', 'forbidden', 'expired', 'aborted']);

export interface TunnelErrorDetails {
  readonly reason?: string;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/**
 * A room or tunnel that did not come about, or ended early.
 *
 * Answers of the relay: `no_room` (unknown, full, expired, or its owner is away), `peer_offline`, `declined`,
 * `tunnel_limit`, `room_limit`, `rate_limited`, `unavailable`, `forbidden`, `internal`. `expired`: nobody joined the room
 * in time. `closed`: by one of the ends or a relay, `reason` says why. `connection_lost`: tunnels do not survive their
 * connection, and an unanswered `joinRoom` or `connectTo` may have been carried out. `aborted`, `stopped`: by this end.
 */
export class TunnelError extends CausewayError {
  /** What TUNNEL_CLOSE said, with `closed`; null otherwise. */
  readonly reason: string | null;
  /** Milliseconds after which to try again, where the relay named them. */
  readonly retryAfterMs: number | null;

  constructor(code: TunnelErrorCode, message: string, { reason, retryAfterMs, cause }: TunnelErrorDetails = {}) {
    super(code, message, !LASTING.has(code), cause);
    this.reason = reason ?? null;
    this.retryAfterMs = retryAfterMs ?? null;
  }
}
