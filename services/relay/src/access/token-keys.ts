import { createPublicKey, createSecretKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { asRealm, type RealmName } from '@causeway/protocol';
import { z } from 'zod';

/** What a token may be signed with. A key is good for one of them: a token cannot choose what its key is used for. */
export const TOKEN_ALGORITHMS = ['HS256', 'EdDSA', 'ES256', 'RS256'] as const;
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number];

/** RFC 7518, section 3.2: a key of HS256 is as long as its hash, at least. */
export const MIN_SECRET_BYTES = 32;
/** RFC 7518, section 3.3. */
const MIN_RSA_BITS = 2048;
/** Keys of one set; each that may fit a token without `kid` costs a verification. */
const MAX_KEYS = 100;

export interface TokenKey {
  /** Its `kid`; null: it has no name, and may fit tokens of any. */
  readonly id: string | null;
  readonly algorithm: TokenAlgorithm;
  /** Realms whose members it may name; null: all. */
  readonly realms: ReadonlySet<RealmName> | null;
  readonly key: KeyObject;
}

/** Where tokens' keys come from. */
export interface TokenKeys {
  /**
   * Those that may have signed such a token for the realm. Not `certain`: there may be others that could not be asked
   * for now.
   */
  find(wanted: WantedKey): Promise<{ readonly keys: readonly TokenKey[]; readonly certain: boolean }>;
}

export interface WantedKey {
  readonly algorithm: TokenAlgorithm;
  /** As the token names it; null when it does not. */
  readonly id: string | null;
  readonly realm: RealmName;
}

export function fits(key: TokenKey, { algorithm, id, realm }: WantedKey): boolean {
  if (key.algorithm !== algorithm || !(key.realms?.has(realm) ?? true)) return false;
  return id === null || key.id === null || key.id === id;
}

/** Members of a JWK (RFC 7517) that decide what it is for; the key itself is read by the platform. */
const jwk = z.looseObject({
  kty: z.string(),
  crv: z.string().optional(),
  kid: z.string().min(1).max(256).optional(),
  alg: z.string().optional(),
  use: z.string().optional(),
  key_ops: z.array(z.string()).optional(),
  realms: z.array(z.string()).optional(),
});
type Jwk = z.infer<typeof jwk>;

const keySet = z.object({ keys: z.array(z.unknown()).max(MAX_KEYS) });

/** What a key set holds: keys, and for each that cannot be used a sentence that does not show it. */
export interface KeySet {
  readonly keys: readonly TokenKey[];
  readonly problems: readonly string[];
}

/**
 * @param symmetric whether secrets may be among the keys: where others can read the set, they may not
 */
export function readKeySet(json: unknown, symmetric: boolean): KeySet {
  const set = keySet.safeParse(json);
  if (!set.success) return { keys: [], problems: [`it is no JSON Web Key Set of at most ${MAX_KEYS} keys`] };
  const keys: TokenKey[] = [];
  const problems: string[] = [];
  set.data.keys.forEach((item, index) => {
    const key = readKey(item, symmetric);
    if (typeof key === 'string') problems.push(`key ${index + 1} ${key}`);
    else keys.push(key);
  });
  return { keys, problems };
}

/** The key, or what is wrong with it. */
function readKey(item: unknown, symmetric: boolean): TokenKey | string {
  const parsed = jwk.safeParse(item);
  if (!parsed.success) return `has a bad member: ${parsed.error.issues.map(({ path }) => path.join('.')).join(', ')}`;
  const { data } = parsed;
  const algorithm = algorithmOf(data);
  if (algorithm === null) return `is for none of ${TOKEN_ALGORITHMS.join(', ')}`;
  if (algorithm === 'HS256' && !symmetric) return 'is a secret, which must not be in a set that others can read';
  if (data.use !== undefined && data.use !== 'sig') return 'is not for signatures';
  if (data.key_ops !== undefined && !data.key_ops.includes('verify')) return 'is not for verifying';
  const realms = data.realms?.map(asRealm) ?? null;
  if (realms?.includes(null)) return 'has a realm that is no realm name';
  const key = algorithm === 'HS256' ? importSecret(data) : importPublic(data);
  if (typeof key === 'string') return key;
  return { id: data.kid ?? null, algorithm, realms: realms && new Set(realms as RealmName[]), key };
}

/** The one algorithm that keys of this kind are used with; null when it is not among ours, or `alg` says otherwise. */
function algorithmOf({ kty, crv, alg }: Jwk): TokenAlgorithm | null {
  const kinds: Record<string, TokenAlgorithm> = {
    oct: 'HS256',
    RSA: 'RS256',
    'OKP Ed25519': 'EdDSA',
    'EC P-256': 'ES256',
  };
  const kind = crv === undefined ? kty : `${kty} ${crv}`;
  const algorithm = Object.hasOwn(kinds, kind) ? (kinds[kind] as TokenAlgorithm) : null;
  return alg === undefined || alg === algorithm ? algorithm : null;
}

function importPublic(data: Jwk): KeyObject | string {
  if ('d' in data) return 'is a private key: give the relay its public part only';
  try {
    const key = createPublicKey({ key: data as JsonWebKey, format: 'jwk' });
    const bits = key.asymmetricKeyDetails?.modulusLength ?? MIN_RSA_BITS;
    return bits < MIN_RSA_BITS ? `has ${bits} bits, RS256 needs ${MIN_RSA_BITS}` : key;
  } catch {
    // The platform's message may show the key.
    return 'could not be read';
  }
}

function importSecret({ k }: Jwk): KeyObject | string {
  const secret = Buffer.from(typeof k === 'string' ? k : '', 'base64url');
  return secret.length < MIN_SECRET_BYTES
    ? `has ${secret.length} bytes, HS256 needs ${MIN_SECRET_BYTES}`
    : createSecretKey(secret);
}

/** A shared secret, for tokens of HS256 of any realm. @throws RangeError below 32 bytes */
export function readSecret(text: string): TokenKey {
  const secret = Buffer.from(text, 'utf8');
  if (secret.length < MIN_SECRET_BYTES) {
    throw new RangeError(`the secret has ${secret.length} bytes, at least ${MIN_SECRET_BYTES} are needed`);
  }
  return { id: null, algorithm: 'HS256', realms: null, key: createSecretKey(secret) };
}

/** Keys that were there at the start, and those of a URL if there is one. */
export class KeyRing implements TokenKeys {
  private readonly fixed: readonly TokenKey[];
  private readonly remote: TokenKeys | null;

  constructor(fixed: readonly TokenKey[], remote: TokenKeys | null) {
    this.fixed = fixed;
    this.remote = remote;
  }

  get isEmpty(): boolean {
    return this.fixed.length === 0 && this.remote === null;
  }

  async find(wanted: WantedKey): Promise<{ keys: readonly TokenKey[]; certain: boolean }> {
    const keys = this.fixed.filter((key) => fits(key, wanted));
    // A secret without a name fits every token of HS256, which are never of the URL.
    if (
      this.remote === null ||
      wanted.algorithm === 'HS256' ||
      keys.some(({ id }) => id !== null && id === wanted.id)
    ) {
      return { keys, certain: true };
    }
    const { keys: others, certain } = await this.remote.find(wanted);
    return { keys: [...keys, ...others], certain };
  }
}
