import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { ExitCode } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { print } from '../output.ts';
import { wrong } from '../units.ts';
import { importKey, type Key, type KeyOptions, readKeys, readSecretKey } from './keys.ts';

export interface SignOptions extends KeyOptions {
  readonly sub: string;
  readonly realm: string;
  /** Milliseconds from now. */
  readonly expires: number;
  /** Milliseconds from now, or a time. */
  readonly notBefore?: number;
  readonly audience?: string;
  readonly id?: string;
  readonly limitMessages?: number;
  readonly limitBytes?: number;
}

/** Prints a token for a peer. */
export async function sign(options: SignOptions): Promise<number> {
  const { key, alg, kid } = await signingKey(options);
  // Seconds, as in RFC 7519.
  const now = Math.floor(Date.now() / 1000);
  const token = new SignJWT({ realm: options.realm, ...limitsOf(options) })
    .setProtectedHeader({ alg, typ: 'JWT', ...(kid !== undefined && { kid }) })
    .setSubject(options.sub)
    .setJti(options.id ?? randomUUID())
    .setIssuedAt(now)
    .setExpirationTime(now + Math.ceil(options.expires / 1000));
  if (options.notBefore !== undefined) token.setNotBefore(now + Math.ceil(options.notBefore / 1000));
  if (options.audience !== undefined) token.setAudience(options.audience);
  await print(await token.sign(key));
  return ExitCode.ok;
}

function limitsOf({ limitMessages, limitBytes }: SignOptions): object {
  if (limitMessages === undefined && limitBytes === undefined) return {};
  const limits = {
    ...(limitMessages !== undefined && { messagesPerSecond: limitMessages }),
    ...(limitBytes !== undefined && { bytesPerSecond: limitBytes }),
  };
  return { limits };
}

async function signingKey({ secretFile, keyFile, realm }: SignOptions) {
  if ((secretFile === undefined) === (keyFile === undefined)) {
    throw new Failure(ExitCode.usage, 'either --secret-file or --key-file is needed');
  }
  if (secretFile !== undefined) return { key: await readSecretKey(secretFile), alg: 'HS256', kid: undefined };
  const [jwk, another] = await readKeys(keyFile as string);
  if (jwk === undefined || another !== undefined) {
    throw new Failure(ExitCode.usage, `${keyFile} holds several keys: name a file with the private one`);
  }
  assertSigns(jwk, realm);
  return { ...(await importKey(jwk)), kid: jwk.kid };
}

function assertSigns(jwk: Key, realm: string): void {
  if (jwk.d === undefined && jwk.k === undefined) {
    throw new Failure(ExitCode.usage, 'the key is a public one: signing needs its private part');
  }
  if (jwk.realms !== undefined && !jwk.realms.includes(realm)) {
    throw wrong(realm, `none of the realms of the key: ${jwk.realms.join(', ')}`);
  }
}
