import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { ExitCode } from '../exit-codes.ts';
import { print } from '../output.ts';
import { type Algorithm, type Key, writeKeys } from './keys.ts';

export interface KeygenOptions {
  readonly alg: Exclude<Algorithm, 'HS256'>;
  readonly outPrivate: string;
  readonly outPublic: string;
  readonly realms?: readonly string[];
}

/** Writes a new private key, and the key set that a relay takes. */
export async function keygen({ alg, outPrivate, outPublic, realms }: KeygenOptions): Promise<number> {
  const pair = await generateKeyPair(alg, { extractable: true });
  const publicJwk = await exportJWK(pair.publicKey);
  const common = { alg, use: 'sig', kid: await calculateJwkThumbprint(publicJwk), ...(realms && { realms }) };
  const publicKey: Key = { ...publicJwk, ...common };
  const privateKey: Key = { ...(await exportJWK(pair.privateKey)), ...common };
  await writeKeys(outPrivate, privateKey, outPublic, publicKey);
  await print(`${outPrivate}: the private key, for \`causeway token sign --key-file\`; keep it to yourself`);
  await print(`${outPublic}: the key set, for the relay's CAUSEWAY_TOKEN_KEYS_FILE`);
  return ExitCode.ok;
}
