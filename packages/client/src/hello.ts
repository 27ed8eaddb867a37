import {
  type HelloAuth,
  type HelloFrame,
  type PeerId,
  PROTOCOL_VERSION,
  RESUME_BYTES,
  type RealmName,
} from '@causeway/protocol';
import type { Settings } from './options.ts';
import { VERSION } from './version.ts';

/** Who this client is to the relays, for as long as it runs. */
export interface Identity {
  readonly realm: RealmName;
  /** Undefined until a relay has assigned one. */
  peer: PeerId | undefined;
  /** The secret that renews the peer's reservation on any node. */
  readonly resume: Uint8Array;
  /** Of the last connection tried. */
  attempt: number;
}

/** A new secret for `resume`. */
export function newResumeSecret(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(RESUME_BYTES));
}

/**
 * The HELLO of the next connection. `attempt` grows with each, also over restarts of the program, so that a relay can
 * tell a late connection of this client from a newer one.
 * @param now wall clock, milliseconds since 1970
 * @param traceparent what the connection is part of, as W3C writes it
 */
export function nextHello(identity: Identity, auth: HelloAuth, now: number, traceparent?: string): HelloFrame {
  identity.attempt = Math.max(identity.attempt + 1, now);
  return {
    type: 'hello',
    v: PROTOCOL_VERSION,
    realm: identity.realm,
    ...(identity.peer !== undefined && { peer: identity.peer }),
    auth,
    resume: identity.resume,
    attempt: identity.attempt,
    client: `causeway-js/${VERSION}`,
    ...(traceparent !== undefined && { traceparent }),
  };
}

/** The trace of the next connection; none where the application fails to name it. */
export function currentTraceparent({ traceparent, logger }: Settings): string | undefined {
  if (typeof traceparent !== 'function') return traceparent;
  try {
    return traceparent();
  } catch (error) {
    logger.warn('no traceparent', { reason: String(error) });
    return undefined;
  }
}
