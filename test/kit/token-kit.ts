/** For tests: keys, and tokens signed with them. */
import type { HelloFrame, RealmName } from '@causeway/protocol';
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import { MemberCache } from '../../services/relay/src/access/member-cache.ts';
import { KeyRing, readKeySet, type TokenAlgorithm, type TokenKey } from '../../services/relay/src/access/token-keys.ts';
import { TokenScheme, type TokenSchemeDeps } from '../../services/relay/src/access/token-scheme.ts';
import type { Clock, Log } from '../../services/relay/src/core/clock.ts';

/** 2026-01-01, in seconds since 1970. */
export const NOW = 1_767_225_600;
export const ACME = 'acme' as RealmName;
export const SECRET = 'a secret of thirty-two bytes, or so';
export const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** A clock that a test moves. */
export class HandClock implements Clock {
  ms: number;

  constructor(ms = NOW * 1000) {
    this.ms = ms;
  }

  now(): number {
    return this.ms;
  }
}

export interface Issuer {
  /** The public part, with its `kid`. */
  readonly jwk: JWK;
  sign(claims?: JWTPayload, header?: Record<string, unknown>): Promise<string>;
}

/** Somebody who signs tokens: for alice of acme, good for a minute, unless it is told otherwise. */
export async function issuer(alg: Exclude<TokenAlgorithm, 'HS256'>, kid: string): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return {
    jwk: { ...(await exportJWK(publicKey)), kid, alg },
    sign: (claims, header) =>
      new SignJWT({ ...goodClaims(), ...claims }).setProtectedHeader({ alg, kid, ...header }).sign(privateKey),
  };
}

export function goodClaims(): JWTPayload {
  return { sub: 'alice', realm: 'acme', exp: NOW + 60, iat: NOW - 60, jti: 't1' };
}

/** One that shares a secret with the relay. */
export function signWithSecret(claims: JWTPayload = {}, secret = SECRET): Promise<string> {
  const key = new TextEncoder().encode(secret);
  return new SignJWT({ ...goodClaims(), ...claims }).setProtectedHeader({ alg: 'HS256' }).sign(key);
}

export function keysOf(...jwks: readonly object[]): readonly TokenKey[] {
  const { keys, problems } = readKeySet({ keys: jwks }, true);
  if (problems.length > 0) throw new Error(problems.join('; '));
  return keys;
}

export function tokenScheme(keys: readonly TokenKey[], rest: Partial<TokenSchemeDeps> = {}): TokenScheme {
  const clock = rest.clock ?? new HandClock();
  return new TokenScheme({
    keys: new KeyRing(keys, null),
    cache: new MemberCache(300_000, clock),
    audience: null,
    skewSeconds: 30,
    clock,
    ...rest,
  });
}

export function helloWith(token: string, rest: Partial<HelloFrame> = {}): HelloFrame {
  return { type: 'hello', v: 1, realm: ACME, auth: { scheme: 'token', token }, ...rest };
}
