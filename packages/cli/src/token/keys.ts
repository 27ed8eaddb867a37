import { readFile, rm, writeFile } from 'node:fs/promises';
import { type CryptoKey, importJWK, type JWK } from 'jose';
import { ExitCode } from '../exit-codes.ts';
import { Failure } from '../failure.ts';

/** What a relay takes (RFC 7518), and what a key must be like for it. */
export const ALGORITHMS = ['HS256', 'EdDSA', 'ES256', 'RS256'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** RFC 7518, section 3.2. */
const MIN_SECRET_BYTES = 32;

/** A JWK as a relay reads it: `realms` are those whose peers it may name; absent, all. */
export type Key = JWK & { readonly realms?: readonly string[] };

export interface KeyOptions {
  readonly secretFile?: string;
  readonly keyFile?: string;
}

/** @throws Failure with a message that does not show what is in the file */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new Failure(ExitCode.usage, error instanceof Error ? error.message : String(error));
  }
}

/** The secret of a file, without the end of its last line, as the relay reads it. */
export async function readSecretKey(path: string): Promise<Uint8Array> {
  const secret = Buffer.from((await readText(path)).replace(/\r?\n$/, ''), 'utf8');
  if (secret.length >= MIN_SECRET_BYTES) return secret;
  throw new Failure(
    ExitCode.usage,
    `the secret in ${path} has ${secret.length} bytes, at least ${MIN_SECRET_BYTES} are needed: openssl rand -hex 32 makes one`,
  );
}

/** The key of a file, or all keys of a key set (RFC 7517). */
export async function readKeys(path: string): Promise<Key[]> {
  const text = await readText(path);
  const parsed = parse(text);
  const keys: unknown[] = Array.isArray(parsed?.keys) ? parsed.keys : [parsed];
  if (keys.length > 0 && keys.every(isKey)) return keys;
  throw new Failure(ExitCode.usage, `${path} holds no JSON Web Key and no set of them`);
}

function parse(text: string): { readonly keys?: unknown } | null {
  try {
    return JSON.parse(text) as { readonly keys?: unknown } | null;
  } catch (error) {
    // The message would show what is in the file.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function isKey(value: unknown): value is Key {
  return typeof value === 'object' && value !== null && 'kty' in value && typeof value.kty === 'string';
}

/** The one algorithm that a key is used with; null for a key of another kind. */
export function algorithmOf({ kty, crv, alg }: Key): Algorithm | null {
  const kinds = new Map<string, Algorithm>([
    ['oct', 'HS256'],
    ['RSA', 'RS256'],
    ['OKP Ed25519', 'EdDSA'],
    ['EC P-256', 'ES256'],
  ]);
  const algorithm = kinds.get(crv === undefined ? (kty ?? '') : `${kty} ${crv}`) ?? null;
  return alg === undefined || alg === algorithm ? algorithm : null;
}

/** The key as jose takes it, and its algorithm. @throws Failure when its members do not make a key */
export async function importKey(jwk: Key): Promise<{ key: CryptoKey | Uint8Array; alg: Algorithm }> {
  const alg = algorithmOf(jwk);
  if (alg === null) throw new Failure(ExitCode.usage, `the key is for none of ${ALGORITHMS.join(', ')}`);
  try {
    return { key: await importJWK(jwk, alg), alg };
  } catch (error) {
    throw new Failure(ExitCode.usage, `the key cannot be used: ${error instanceof Error ? error.message : error}`);
  }
}

/** Writes both files or none, and only new ones; the private one can be read by its owner alone. */
export async function writeKeys(
  privateFile: string,
  privateKey: Key,
  publicFile: string,
  publicKey: Key,
): Promise<void> {
  await create(privateFile, privateKey, 0o600);
  try {
    await create(publicFile, { keys: [publicKey] }, 0o644);
  } catch (error) {
    await rm(privateFile);
    throw error;
  }
}

async function create(path: string, content: object, mode: number): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify(content, null, 2)}\n`, { mode, flag: 'wx' });
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure(ExitCode.output, isThere ? `${path} is there already, and was left as it is` : reason);
  }
}
