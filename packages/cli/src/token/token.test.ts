import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { inspect, problemsOf, tokenText } from './inspect.ts';
import { keygen } from './keygen.ts';
import { type SignOptions, sign } from './sign.ts';

const SECRET = 'a secret of more than thirty-two bytes';

let folder: string;
let printed: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'causeway-token-'));
  printed = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk: string | Uint8Array, done: unknown) => {
    printed.push(String(chunk).trimEnd());
    if (typeof done === 'function') (done as () => void)();
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

const file = (name: string, content?: string): string => {
  const path = join(folder, name);
  if (content !== undefined) writeFileSync(path, content);
  return path;
};

async function signed(options: Partial<SignOptions>): Promise<string> {
  await sign({ sub: 'alice', realm: 'acme', expires: 3_600_000, ...options });
  return printed.pop() ?? '';
}

async function inspected(token: string, options: object): Promise<{ code: number; [name: string]: unknown }> {
  const code = await inspect(token, { ...options, json: true });
  return { code, ...(JSON.parse(printed.pop() ?? '') as object) };
}

const keys = (alg: 'EdDSA' | 'ES256' | 'RS256', realms?: string[]): Promise<number> =>
  keygen({ alg, outPrivate: file('key.json'), outPublic: file('jwks.json'), ...(realms && { realms }) });

describe('keygen', () => {
  it.each(['EdDSA', 'ES256', 'RS256'] as const)('%s: a set that verifies what the key signs', async (alg) => {
    await keys(alg);
    const token = await signed({ keyFile: file('key.json'), audience: 'relay' });
    const set = JSON.parse(readFileSync(file('jwks.json'), 'utf8')) as JSONWebKeySet;
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(set), { audience: 'relay' });
    expect(payload).toMatchObject({ sub: 'alice', realm: 'acme', jti: expect.stringMatching(/^[\w-]{36}$/) });
    expect(protectedHeader).toEqual({ alg, typ: 'JWT', kid: set.keys[0]?.kid });
    for (const part of ['d', 'p', 'q', 'k']) expect(set.keys[0]).not.toHaveProperty(part);
  });

  it('lets nobody else read the private key, and replaces no file', async () => {
    await keys('EdDSA', ['acme']);
    expect(statSync(file('key.json')).mode & 0o777).toBe(0o600);
    const before = readFileSync(file('key.json'), 'utf8');
    expect(JSON.parse(before)).toMatchObject({ alg: 'EdDSA', realms: ['acme'] });
    await expect(keys('EdDSA')).rejects.toMatchObject({
      exitCode: 74,
      message: expect.stringContaining('there already'),
    });
    expect(readFileSync(file('key.json'), 'utf8')).toBe(before);
  });

  it('leaves nothing behind when one of the files cannot be written', async () => {
    file('jwks.json', 'mine');
    await expect(keys('EdDSA')).rejects.toThrow('jwks.json is there already');
    expect(readdirSync(folder)).toEqual(['jwks.json']);
    expect(readFileSync(file('jwks.json'), 'utf8')).toBe('mine');
  });
});

describe('sign', () => {
  it('writes the claims that a relay reads', async () => {
    const options = { id: 'one', notBefore: 60_000, limitMessages: 50, limitBytes: 1_000_000 };
    const token = await signed({ secretFile: file('secret', `${SECRET}\n`), expires: 900_000, ...options });
    const { iat = 0, ...claims } = decodeJwt(token);
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'HS256', typ: 'JWT' });
    expect(claims).toEqual({
      ...{ sub: 'alice', realm: 'acme', jti: 'one', exp: iat + 900, nbf: iat + 60 },
      limits: { messagesPerSecond: 50, bytesPerSecond: 1_000_000 },
    });
    // The end of the line is not part of the secret.
    await jwtVerify(token, Buffer.from(SECRET), { currentDate: new Date((iat + 61) * 1000) });
  });

  it.each([
    ['no key', {}, 'is needed'],
    ['two keys', { secretFile: 'x', keyFile: 'y' }, 'is needed'],
    ['a short secret', { secretFile: 'short' }, 'at least 32'],
    ['a public key', { keyFile: 'jwks.json' }, 'public one'],
    ['a key for other realms', { keyFile: 'key.json' }, 'none of the realms of the key: beta'],
    ['a key of another kind', { keyFile: 'odd.json' }, 'for none of'],
    ['no key file', { keyFile: 'short' }, 'no JSON Web Key'],
  ])('refuses %s', async (_, names, message) => {
    await keys('EdDSA', ['beta']);
    file('short', 'short');
    file('odd.json', '{"kty":"EC","crv":"P-521","d":"AA","x":"AA","y":"AA"}');
    const options = Object.fromEntries(Object.entries(names).map(([option, name]) => [option, file(String(name))]));
    const failure = await sign({ sub: 'alice', realm: 'acme', expires: 1000, ...options }).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ exitCode: 2, message: expect.stringContaining(message) });
  });
});

describe('inspect', () => {
  it('verifies with the secret, the private key or the set', async () => {
    const secretFile = file('secret', SECRET);
    expect(await inspected(await signed({ secretFile }), { secretFile })).toMatchObject({ code: 0, verified: true });
    await keys('ES256');
    const token = await signed({ keyFile: file('key.json') });
    for (const name of ['key.json', 'jwks.json']) {
      expect(await inspected(token, { keyFile: file(name) })).toMatchObject({ code: 0, verified: true, problems: [] });
    }
  });

  it('finds a signature that is not of the key, and a token that was changed', async () => {
    const secretFile = file('secret', SECRET);
    const token = await signed({ secretFile });
    const other = file('other', SECRET.toUpperCase());
    const [header, , signature] = token.split('.');
    const claims = Buffer.from(JSON.stringify({ ...decodeJwt(token), sub: 'mallory' })).toString('base64url');
    expect(await inspected(token, { secretFile: other })).toMatchObject({ code: 1, verified: false });
    expect(await inspected(`${header}.${claims}.${signature}`, { secretFile })).toMatchObject({
      code: 1,
      verified: false,
    });
    await keys('EdDSA');
    expect(await inspected(token, { keyFile: file('jwks.json') })).toMatchObject({ code: 1, verified: false });
  });

  it('says clearly that nothing was verified without a key', async () => {
    const token = await signed({ secretFile: file('secret', SECRET) });
    expect(await inspect(token, {})).toBe(0);
    expect(printed.join('\n')).toContain('\n\nNOT VERIFIED: ');
    expect(await inspected(token, {})).toMatchObject({ code: 0, verified: null });
  });

  it('refuses what is no token', async () => {
    await expect(inspect('a.b', {})).rejects.toMatchObject({ exitCode: 2 });
    const secretFile = file('secret', SECRET);
    await expect(inspect(await signed({ secretFile }), { secretFile, keyFile: secretFile })).rejects.toThrow(
      'is enough',
    );
  });
});

describe('what speaks against a token', () => {
  const now = Date.UTC(2026, 0, 31);
  const good = { sub: 'alice', realm: 'acme', exp: now / 1000 + 60 };
  const signature = { verified: true, key: null };

  it.each([
    [{ ...good }, []],
    [{ ...good, exp: now / 1000 }, ['it has expired']],
    [{ ...good, nbf: now / 1000 + 1 }, ['it is not valid yet']],
    [{}, ['there is no claim "sub", which names the peer', 'there is no claim "realm"', 'there is no claim "exp"']],
  ])('%j: %j', (claims, problems) => expect(problemsOf(claims, signature, now)).toEqual(problems));

  it('is also a key that is for other realms', () => {
    const key = { kty: 'OKP', realms: ['beta'] };
    expect(problemsOf(good, { verified: true, key }, now)).toEqual(['the key is for other realms: beta']);
  });

  it('is shown behind what the token says', () => {
    const text = tokenText(
      { alg: 'EdDSA', kid: 'k' },
      { ...good, limits: { messagesPerSecond: 5 } },
      false,
      ['bad'],
      now,
    );
    expect(text.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
      ...['algorithm | EdDSA', 'key | k', 'peer (sub) | alice', 'realm | acme'],
      ...['expires (exp) | 2026-01-31T00:01:00Z (in 1 min)', 'limits | {"messagesPerSecond":5}'],
      ...['', 'The signature is NOT good.', 'Problem: bad'],
    ]);
  });
});
