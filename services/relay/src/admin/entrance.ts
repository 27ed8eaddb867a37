import { LRUCache } from 'lru-cache';
import { networkOf } from '../core/attempts.ts';
import type { Attempts } from '../core/shared-ports.ts';
import { type Answer, failure } from './answer.ts';
import type { AdminTokens, Operator } from './tokens.ts';

/** So long a token is let in again from its address without a look at the attempts that others there have failed. */
const TRUST_MS = 10_000;
const MAX_TRUSTED = 1000;

export interface EntranceDeps {
  readonly tokens: AdminTokens;
  readonly attempts: Pick<Attempts, 'take' | 'blockedFor'>;
}

/** Tells who asks, and lets nobody try out tokens: an address that sent too many unknown ones has to wait. */
export class Entrance {
  private readonly deps: EntranceDeps;
  private readonly trusted = new LRUCache<string, true>({ max: MAX_TRUSTED, ttl: TRUST_MS });

  constructor(deps: EntranceDeps) {
    this.deps = deps;
  }

  async admit(authorization: string | undefined, address: string): Promise<Operator | Answer> {
    const { tokens, attempts } = this.deps;
    const operator = tokens.operator(authorization);
    // Without a colon before the address, which would be read as a part of it.
    const subject = `admin ${networkOf(address)}`;
    if (operator !== null && this.trusted.has(`${operator.name} ${address}`)) return operator;
    const blockedMs = await attempts.blockedFor('failed_auth', subject);
    if (blockedMs > 0) return tooMany(blockedMs);
    if (operator !== null) {
      this.trusted.set(`${operator.name} ${address}`, true);
      return operator;
    }
    // To send no token at all is no attempt at one.
    const waitMs = authorization === undefined ? 0 : await attempts.take('failed_auth', subject);
    return waitMs > 0 ? tooMany(waitMs) : unknown();
  }
}

function unknown(): Answer {
  const headers = { 'www-authenticate': 'Bearer realm="causeway"' };
  return failure(401, 'unauthorized', 'send a known token: Authorization: Bearer <token>', {}, headers);
}

function tooMany(waitMs: number): Answer {
  const seconds = Math.ceil(waitMs / 1000);
  const headers = { 'retry-after': String(seconds) };
  return failure(429, 'rate_limited', `too many unknown tokens came from your address: wait ${seconds} s`, {}, headers);
}
