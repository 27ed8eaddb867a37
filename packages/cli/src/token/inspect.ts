import { text } from 'node:stream/consumers';
import { type CryptoKey, compactVerify, decodeJwt, decodeProtectedHeader, errors, type JWTPayload } from 'jose';
import { ExitCode } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { print } from '../output.ts';
import { pairs } from '../table.ts';
import { time } from '../units.ts';
import { algorithmOf, importKey, type Key, type KeyOptions, readKeys, readSecretKey } from './keys.ts';

export interface InspectOptions extends KeyOptions {
  readonly json?: boolean;
}

type Header = ReturnType<typeof decodeProtectedHeader>;

/** Null: nobody has looked, since there was no key. */
interface Signature {
  readonly verified: boolean | null;
  readonly key: Key | null;
}

/** Prints what a token says, and whether it is good; exit code 1 when it is known not to be. */
export async function inspect(given: string, options: InspectOptions): Promise<number> {
  const token = (given === '-' ? await text(process.stdin) : given).trim();
  const { header, claims } = decode(token);
  const signature = await verify(token, header, options);
  const problems = problemsOf(claims, signature, Date.now());
  const { verified } = signature;
  await print(
    options.json
      ? JSON.stringify({ header, claims, verified, problems })
      : tokenText(header, claims, verified, problems, Date.now()),
  );
  return problems.length === 0 ? ExitCode.ok : ExitCode.refused;
}

function decode(token: string): { header: Header; claims: JWTPayload } {
  try {
    return { header: decodeProtectedHeader(token), claims: decodeJwt(token) };
  } catch (error) {
    throw new Failure(ExitCode.usage, `this is no JWT: ${error instanceof Error ? error.message : error}`);
  }
}

async function verify(token: string, { alg, kid }: Header, { secretFile, keyFile }: KeyOptions): Promise<Signature> {
  if (secretFile !== undefined && keyFile !== undefined) {
    throw new Failure(ExitCode.usage, 'one of --secret-file and --key-file is enough');
  }
  if (secretFile !== undefined) {
    const secret = await readSecretKey(secretFile);
    return { verified: alg === 'HS256' && (await isSignedBy(token, secret)), key: null };
  }
  if (keyFile === undefined) return { verified: null, key: null };
  const keys = await readKeys(keyFile);
  const fitting = keys.filter((key) => algorithmOf(key) === alg && (kid === undefined || (key.kid ?? kid) === kid));
  for (const key of fitting) {
    if (await isSignedBy(token, (await importKey(publicPart(key))).key)) return { verified: true, key };
  }
  return { verified: false, key: null };
}

/** A private key signs, and does not verify. */
function publicPart({ d: _, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, key_ops: _ops, ...rest }: Key): Key {
  return rest;
}

async function isSignedBy(token: string, key: CryptoKey | Uint8Array): Promise<boolean> {
  try {
    await compactVerify(token, key);
    return true;
  } catch (error) {
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}

/** What speaks against the token, as far as is known here. */
export function problemsOf(claims: JWTPayload, { verified, key }: Signature, now: number): string[] {
  const { sub, realm, exp, nbf } = claims;
  const problems = [
    verified === false && 'the signature is not that of the key',
    sub === undefined && 'there is no claim "sub", which names the peer',
    typeof realm !== 'string' && 'there is no claim "realm"',
    exp === undefined && 'there is no claim "exp"',
    exp !== undefined && exp * 1000 <= now && 'it has expired',
    nbf !== undefined && nbf * 1000 > now && 'it is not valid yet',
    key?.realms && !key.realms.includes(String(realm)) && `the key is for other realms: ${key.realms.join(', ')}`,
  ];
  return problems.filter((problem) => typeof problem === 'string');
}

const TIMES: Readonly<Record<string, string>> = { iat: 'issued', nbf: 'not before', exp: 'expires' };

export function tokenText(
  header: Header,
  claims: JWTPayload,
  verified: boolean | null,
  problems: readonly string[],
  now: number,
): string {
  const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
  const entries = Object.entries(claims).filter(([name]) => name !== 'sub' && name !== 'realm');
  const facts = pairs([
    ['algorithm', shown(header.alg)],
    ...(header.kid === undefined ? [] : [['key', shown(header.kid)] as const]),
    ['peer (sub)', shown(claims.sub ?? '-')],
    ['realm', shown(claims.realm ?? '-')],
    ...entries.map(([name, value]): [string, string] => {
      const label = TIMES[name];
      if (label === undefined || typeof value !== 'number') return [name, shown(value)];
      return [`${label} (${name})`, time(value * 1000, now)];
    }),
  ]);
  const verdict = {
    true: 'The signature is good.',
    false: 'The signature is NOT good.',
    null: 'NOT VERIFIED: without --secret-file or --key-file anybody may have written this.',
  }[String(verified) as 'true' | 'false' | 'null'];
  return [facts, '', verdict, ...problems.map((problem) => `Problem: ${problem}`)].join('\n');
}
