import { createPrivateKey, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ClientKey, TokenSource } from '@causeway/client';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { algorithmOf, readKeys } from './token/keys.ts';

/** How a client shows who it is; at most one of them. */
export interface CredentialOptions {
  readonly token?: string;
  readonly tokenFile?: string;
  readonly keyFile?: string;
}

/** @throws Failure for a file that cannot be used */
export async function readCredentials({
  token,
  tokenFile,
  keyFile,
}: CredentialOptions): Promise<{ token?: TokenSource; key?: ClientKey }> {
  if ([token, tokenFile, keyFile].filter((one) => one !== undefined).length > 1) {
    throw new Failure(ExitCode.usage, 'one of --token, --token-file and --key-file is enough');
  }
  if (token !== undefined) return { token: async () => token };
  if (keyFile !== undefined) return { key: await readKey(keyFile) };
  if (tokenFile === undefined) return {};
  await readToken(tokenFile);
  // Each connection reads it anew, so that another program can keep it fresh.
  return { token: () => readToken(tokenFile) };
}

async function readToken(path: string): Promise<string> {
  try {
    const token = (await readFile(path, 'utf8')).trim();
    if (token !== '') return token;
  } catch (error) {
    throw new Failure(ExitCode.usage, error instanceof Error ? error.message : String(error));
  }
  throw new Failure(ExitCode.usage, `${path} is empty`);
}

async function readKey(path: string): Promise<ClientKey> {
  const [jwk, another] = await readKeys(path);
  if (jwk?.d === undefined || jwk.x === undefined || another !== undefined || algorithmOf(jwk) !== 'EdDSA') {
    throw new Failure(ExitCode.usage, `${path} does not hold one private Ed25519 key: causeway token keygen makes one`);
  }
  const { kty = '', crv = '', d, x } = jwk;
  try {
    const key = createPrivateKey({ key: { kty, crv, d, x }, format: 'jwk' });
    return { publicKey: Buffer.from(x, 'base64url'), sign: async (message) => sign(null, message, key) };
  } catch {
    // The platform's message may show the key.
    throw new Failure(ExitCode.usage, `the key in ${path} cannot be used`);
  }
}
