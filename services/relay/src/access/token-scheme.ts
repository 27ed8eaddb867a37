import { asPeerId, type HelloFrame, type PeerId, type RealmName } from '@causeway/protocol';
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import { z } from 'zod';
import type { Member, Refused } from '../core/authenticator.ts';
import type { Clock } from '../core/clock.ts';
import type { MemberCache } from './member-cache.ts';
import { refused } from './refusals.ts';
import { type KeyRing, TOKEN_ALGORITHMS, type TokenAlgorithm, type TokenKey } from './token-keys.ts';

/** Characters; a token with the claims that are read here has some hundreds. */
const MAX_TOKEN_LENGTH = 8192;
/** A token without `kid` is tried with so many keys at most. */
const MAX_TRIES = 8;

/** Limits that a token or an admission grants; absent: none of its own. */
export const grantedLimits = z.object({
  messagesPerSecond: z.int().positive().optional(),
  bytesPerSecond: z.int().positive().optional(),
});

const claims = z.object({
  sub: z.string(),
  realm: z.string(),
  exp: z.number().positive(),
  iat: z.number().nonnegative().optional(),
  jti: z.string().min(1).max(256).optional(),
  limits: grantedLimits.optional(),
});
type Claims = z.infer<typeof claims>;

export interface TokenSchemeDeps {
  readonly keys: KeyRing;
  readonly cache: MemberCache;
  /** What a token's `aud` has to name; null: it is not looked at. */
  readonly audience: string | null;
  /** Seconds that the issuer's clock may differ from this one. */
  readonly skewSeconds: number;
  readonly clock: Clock;
}

/** Members by a signed token (RFC 7519) that names them. */
export class TokenScheme {
  private readonly deps: TokenSchemeDeps;

  constructor(deps: TokenSchemeDeps) {
    this.deps = deps;
  }

  async identify({ realm, peer, auth }: HelloFrame): Promise<Member | Refused> {
    const { token } = auth ?? {};
    if (token === undefined) return refused('unauthorized', 'HELLO has no token');
    if (token.length > MAX_TOKEN_LENGTH) {
      return refused('unauthorized', `the token is longer than ${MAX_TOKEN_LENGTH} characters`);
    }
    const member = await this.member(token, realm);
    if (member.kind === 'member' && peer !== undefined && peer !== member.peer) {
      return refused('unauthorized', 'HELLO names another peer than the claim "sub" of the token');
    }
    return member;
  }

  /** Verified members are looked at anew. */
  forget(): void {
    this.deps.cache.clear();
  }

  private async member(token: string, realm: RealmName): Promise<Member | Refused> {
    const { cache } = this.deps;
    const known = cache.get(token, realm);
    if (known !== undefined) return known;
    const { generation } = cache;
    const member = await this.verify(token, realm);
    if (member.kind === 'member') cache.put(token, realm, member, generation);
    return member;
  }

  private async verify(token: string, realm: RealmName): Promise<Member | Refused> {
    const { keys } = this.deps;
    if (keys.isEmpty) return refused('unavailable', 'this relay has no keys to verify tokens with');
    const header = readHeader(token);
    if (header === null) return refused('unauthorized', 'the token is no signed JWT');
    const { algorithm, id } = header;
    if (algorithm === null) {
      return refused('unauthorized', `the token must be signed with one of ${TOKEN_ALGORITHMS.join(', ')}`);
    }
    const found = await keys.find({ algorithm, id, realm });
    for (const key of found.keys.slice(0, MAX_TRIES)) {
      const member = await this.verifyWith(key, token, realm);
      if (member !== null) return member;
    }
    if (!found.certain) return refused('unavailable', 'the key of the token is not known here yet');
    return refused('unauthorized', 'the token is signed by no key that the realm trusts');
  }

  /** Null: the key has not signed it. */
  private async verifyWith(
    { key, algorithm }: TokenKey,
    token: string,
    realm: RealmName,
  ): Promise<Member | Refused | null> {
    const { audience, skewSeconds, clock } = this.deps;
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [algorithm],
        clockTolerance: skewSeconds,
        currentDate: new Date(clock.now()),
        requiredClaims: ['sub', 'realm', 'exp'],
        ...(audience !== null && { audience }),
      });
      return this.toMember(payload, realm);
    } catch (error) {
      if (error instanceof errors.JWSSignatureVerificationFailed) return null;
      if (error instanceof errors.JWTExpired) return refused('expired', 'the token has ended');
      if (error instanceof errors.JWTClaimValidationFailed) return refused('unauthorized', claimProblem(error));
      return refused('unauthorized', 'the token is no signed JWT');
    }
  }

  private toMember(payload: JWTPayload, realm: RealmName): Member | Refused {
    const parsed = claims.safeParse(payload);
    if (!parsed.success) return refused('unauthorized', `the token's claim ${firstPath(parsed.error)} is not valid`);
    const peer = asPeerId(parsed.data.sub);
    if (peer === null) return refused('unauthorized', `the token's claim "sub" is no peer id`);
    if (parsed.data.realm !== realm)
      return refused('unauthorized', `the token's claim "realm" is not the realm of HELLO`);
    const { iat = 0 } = parsed.data;
    // One from the future would outlive the revocation of all that were issued so far.
    if (iat > this.deps.clock.now() / 1000 + this.deps.skewSeconds) {
      return refused('unauthorized', `the token's claim "iat" is in the future`);
    }
    return this.granted(peer, parsed.data);
  }

  private granted(peer: PeerId, { exp, iat = 0, jti = '', limits }: Claims): Member {
    return {
      kind: 'member',
      peer,
      sticky: false,
      limits: definedLimits(limits),
      // Let in with a clock that is behind, it may also stay for so long.
      expiresAt: (exp + this.deps.skewSeconds) * 1000,
      token: jti,
      issuedAt: iat * 1000,
    };
  }
}

/** Without members that are undefined, which a reservation does not have. */
export function definedLimits({
  messagesPerSecond,
  bytesPerSecond,
}: z.infer<typeof grantedLimits> = {}): Member['limits'] {
  return {
    ...(messagesPerSecond !== undefined && { messagesPerSecond }),
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
  };
}

function readHeader(token: string): { algorithm: TokenAlgorithm | null; id: string | null } | null {
  try {
    const { alg, kid } = decodeProtectedHeader(token);
    const algorithm = TOKEN_ALGORITHMS.find((name) => name === alg) ?? null;
    return { algorithm, id: typeof kid === 'string' ? kid : null };
  } catch {
    return null;
  }
}

function claimProblem({ claim, reason }: errors.JWTClaimValidationFailed): string {
  if (reason === 'missing') return `the token has no claim "${claim}"`;
  if (claim === 'nbf') return `the token's claim "nbf" is in the future`;
  return `the token's claim "${claim}" is not what this relay expects`;
}

function firstPath(error: z.ZodError): string {
  return `"${error.issues[0]?.path.join('.') ?? ''}"`;
}
