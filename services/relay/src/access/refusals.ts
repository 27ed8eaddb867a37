import type { ErrorCodeName } from '@causeway/protocol';
import type { Refused } from '../core/authenticator.ts';

export function refused(code: ErrorCodeName, message: string): Refused {
  return { kind: 'refused', code, message };
}

/** @param waitMs milliseconds after which the next try counts anew */
export function tooMany(message: string, waitMs: number): Refused {
  return { kind: 'refused', code: 'rate_limited', message, retryAfterMs: Math.ceil(waitMs) };
}
