import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JWTPayload, SignJWT } from 'jose';
import { afterAll } from 'vitest';
import { connectTo, untilHealthy } from '../../contract/implementation.ts';
import type { Env } from '../../kit/relay.ts';

/** What clocks may differ, in seconds. */
export const SKEW_SECONDS = 3;
export const POLICY = { realms: { acme: { auth: 'token' }, rival: { auth: 'token' }, keys: { auth: 'key' } } };

/** Keys for each token realm, which are not good for the other. */
const KEYS = {
  acme: { alg: 'EdDSA', ...generateKeyPairSync('ed25519') },
  rival: { alg: 'ES256', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) },
} as const;
type Realm = keyof typeof KEYS;

const folder = mkdtempSync(join(tmpdir(), 'causeway-tokens-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: object): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

/** For relays with two realms of tokens and one of keys. */
export const AUTH_ENV: Env = {
  CAUSEWAY_POLICY_FILE: file('policy.json', POLICY),
  CAUSEWAY_TOKEN_KEYS_FILE: file('keys.json', {
    keys: Object.entries(KEYS).map(([realm, { alg, publicKey }]) => ({
      ...publicKey.export({ format: 'jwk' }),
      alg,
      kid: realm,
      realms: [realm],
    })),
  }),
  CAUSEWAY_TOKEN_SKEW_SECONDS: String(SKEW_SECONDS),
  CAUSEWAY_ATTEMPTS_FAILED_AUTH: 'off',
  CAUSEWAY_ATTEMPTS_HELLO: 'off',
};

/** Seconds since 1970. */
export function seconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** A token for a peer of acme that is good for a minute, unless it is told otherwise. */
export function mint(peer: string, claims: JWTPayload = {}, signer: Realm = 'acme'): Promise<string> {
  const { alg, privateKey } = KEYS[signer];
  return new SignJWT({ sub: peer, realm: 'acme', iat: seconds(), exp: seconds() + 60, ...claims })
    .setProtectedHeader({ alg, kid: signer })
    .sign(privateKey);
}

/** Writes the access document as an operator's change does. @returns when it was stored, by `performance.now()` */
export async function writeAccess(
  url: string,
  document: Partial<Record<'bans' | 'allow' | 'revocations', object[]>>,
): Promise<number> {
  const store = connectTo(url);
  try {
    await untilHealthy(store);
    const versions = await store.documents.versions();
    if (versions.kind !== 'versions') throw new Error(`no versions: ${versions.reason}`);
    const entry = { id: 'x', reason: 'test', at: Date.now(), until: null };
    const full = (part: object[] = []) => part.map((given, index) => ({ ...entry, id: `x${index}`, ...given }));
    const { bans, allow, revocations } = document;
    const text = JSON.stringify({ bans: full(bans), allow: full(allow), revocations: full(revocations) });
    const reply = await store.documents.write('access', versions.versions.access, { text, by: 'test', note: '' });
    const stored = performance.now();
    if (reply.kind !== 'written') throw new Error(`the access document was not written: ${JSON.stringify(reply)}`);
    return stored;
  } finally {
    await store.close();
  }
}
