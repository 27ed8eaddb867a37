import type { NodeId, PeerId, RealmName } from '@causeway/protocol';
import type { Clock, Log } from '../core/clock.ts';
import type { AuthPolicy, Policy } from '../core/policy.ts';
import type { Attempts } from '../core/shared-ports.ts';
import { AdmissionHook } from './admission-hook.ts';
import { Gatekeeper } from './gatekeeper.ts';
import { RemoteKeys } from './jwks-url.ts';
import type { AccessLists } from './lists.ts';
import { MemberCache } from './member-cache.ts';
import { KeyRing, type TokenKey } from './token-keys.ts';
import { TokenScheme } from './token-scheme.ts';

/** The part of the configuration that says who may come in. */
export interface AuthConfig {
  readonly auth: AuthPolicy;
  readonly realms: readonly RealmName[];
  readonly tokenKeys: readonly TokenKey[] | null;
  readonly tokenJwksUrl: URL | null;
  readonly tokenSecret: TokenKey | null;
  readonly tokenAudience: string | null;
  readonly tokenSkewSeconds: number;
  readonly memberCacheSeconds: number;
  readonly admissionUrl: URL | null;
  readonly admissionSecret: string | null;
  readonly admissionTimeoutMs: number;
  readonly admissionFailure: 'open' | 'closed';
}

/** What the gatekeeper asks of the running relay. */
export interface Surroundings {
  readonly node: () => NodeId;
  readonly policy: () => Policy;
  readonly lists: () => AccessLists;
  readonly attempts: Attempts;
  readonly clock: Clock;
  readonly log: Log;
  readonly randomPeerId: () => PeerId;
}

export function createGatekeeper(config: AuthConfig, around: Surroundings): Gatekeeper {
  const { node, policy, lists, attempts, clock, log, randomPeerId } = around;
  return new Gatekeeper({
    node,
    realms: config.realms,
    defaultPolicy: config.auth,
    policy,
    lists,
    attempts,
    clock,
    randomPeerId,
    tokens: createTokenScheme(config, clock, log),
    admission: createAdmissionHook(config, clock, log),
  });
}

function createTokenScheme(config: AuthConfig, clock: Clock, log: Log): TokenScheme {
  const cache = new MemberCache(config.memberCacheSeconds * 1000, clock);
  const { tokenKeys, tokenSecret, tokenJwksUrl: url } = config;
  const fixed = [...(tokenKeys ?? []), ...(tokenSecret === null ? [] : [tokenSecret])];
  const remote = url && new RemoteKeys({ url, clock, log, onChange: () => cache.clear() });
  return new TokenScheme({
    keys: new KeyRing(fixed, remote),
    cache,
    audience: config.tokenAudience,
    skewSeconds: config.tokenSkewSeconds,
    clock,
  });
}

function createAdmissionHook(config: AuthConfig, clock: Clock, log: Log): AdmissionHook | null {
  const {
    admissionUrl: url,
    admissionSecret: secret,
    admissionTimeoutMs: timeoutMs,
    admissionFailure: failure,
  } = config;
  return url && new AdmissionHook({ url, secret, timeoutMs, failure, clock, log });
}
