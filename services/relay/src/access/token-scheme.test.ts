import { createHmac } from 'node:crypto';
import type { PeerId, RealmName } from '@causeway/protocol';
import fc from 'fast-check';
import { exportSPKI, importJWK, type JWTPayload, UnsecuredJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  goodClaims,
  HandClock,
  helloWith,
  type Issuer,
  issuer,
  keysOf,
  NOW,
  SECRET,
  signWithSecret,
  tokenScheme,
} from '../../../../test/kit/token-kit.ts';
import { readSecret } from './token-keys.ts';

const issuers: Record<string, Issuer> = {};

beforeAll(async () => {
  for (const alg of ['EdDSA', 'ES256', 'RS256'] as const) issuers[alg] = await issuer(alg, `${alg}-1`);
});

function of(alg: string): Issuer {
  return issuers[alg] as Issuer;
}

/** What becomes of a token of these claims, which one of EdDSA has signed. */
async function verdict(claims: JWTPayload, rest: Parameters<typeof tokenScheme>[1] = {}) {
  return tokenScheme(keysOf(of('EdDSA').jwk), rest).identify(helloWith(await of('EdDSA').sign(claims)));
}

const refusal = (code: string, message: string) => ({
  kind: 'refused',
  code,
  message: expect.stringContaining(message),
});
const UNTRUSTED = refusal('unauthorized', 'signed by no key that the realm trusts');

describe('signatures', () => {
  it.each(['EdDSA', 'ES256', 'RS256'])('of %s are verified', async (alg) => {
    const scheme = tokenScheme(keysOf(of(alg).jwk));
    expect(await scheme.identify(helloWith(await of(alg).sign()))).toEqual({
      kind: 'member',
      peer: 'alice',
      sticky: false,
      limits: {},
      expiresAt: (NOW + 60 + 30) * 1000,
      token: 't1',
      issuedAt: (NOW - 60) * 1000,
    });
  });

  it('of HS256 are verified with the shared secret', async () => {
    const scheme = tokenScheme([readSecret(SECRET)]);
    expect(await scheme.identify(helloWith(await signWithSecret()))).toMatchObject({ kind: 'member', peer: 'alice' });
    const other = await signWithSecret({}, 'another secret of thirty-two bytes, or so');
    expect(await scheme.identify(helloWith(other))).toEqual(UNTRUSTED);
  });

  it.each(['EdDSA', 'ES256', 'RS256'] as const)(
    'of another key of %s are not, with or without its name',
    async (alg) => {
      const other = await issuer(alg, `${alg}-1`);
      const scheme = tokenScheme(keysOf(of(alg).jwk));
      expect(await scheme.identify(helloWith(await other.sign()))).toEqual(UNTRUSTED);
      expect(await scheme.identify(helloWith(await other.sign({}, { kid: undefined })))).toEqual(UNTRUSTED);
    },
  );

  it('of a key without a name are found among several', async () => {
    const second = await issuer('EdDSA', 'EdDSA-2');
    const scheme = tokenScheme(keysOf(of('EdDSA').jwk, of('ES256').jwk, second.jwk));
    const token = await second.sign({}, { kid: undefined });
    expect(await scheme.identify(helloWith(token))).toMatchObject({ kind: 'member' });
    expect(await scheme.identify(helloWith(await second.sign({}, { kid: 'EdDSA-1' })))).toEqual(UNTRUSTED);
  });

  it('of no algorithm, or of one that is not ours, are not', async () => {
    const scheme = tokenScheme([...keysOf(of('RS256').jwk), readSecret(SECRET)]);
    const unsigned = new UnsecuredJWT(goodClaims()).encode();
    const must = refusal('unauthorized', 'must be signed with one of HS256, EdDSA, ES256, RS256');
    expect(await scheme.identify(helloWith(unsigned))).toEqual(must);
    expect(await scheme.identify(helloWith(forge({ alg: 'HS512' }, SECRET, 'sha512')))).toEqual(must);
    expect(await scheme.identify(helloWith(forge({ alg: 'constructor' }, SECRET)))).toEqual(must);
  });

  it('by a public key as if it were a secret are not', async () => {
    const { jwk } = of('RS256');
    const pem = await exportSPKI((await importJWK(jwk, 'RS256', { extractable: true })) as CryptoKey);
    const scheme = tokenScheme(keysOf(jwk));
    for (const secret of [pem, pem.trim(), JSON.stringify(jwk), String(jwk.n)]) {
      expect(await scheme.identify(helloWith(forge({ alg: 'HS256', kid: jwk.kid }, secret)))).toEqual(UNTRUSTED);
      expect(await scheme.identify(helloWith(forge({ alg: 'RS256', kid: jwk.kid }, secret)))).toEqual(UNTRUSTED);
    }
  });

  it('by a key that the token brings along are not', async () => {
    const mallory = await issuer('ES256', 'ES256-1');
    const scheme = tokenScheme(keysOf(of('ES256').jwk));
    const token = await mallory.sign({}, { jwk: mallory.jwk, jku: 'https://mallory.example/keys' });
    expect(await scheme.identify(helloWith(token))).toEqual(UNTRUSTED);
  });

  it('by a key of other realms are not', async () => {
    const scheme = tokenScheme(keysOf({ ...of('EdDSA').jwk, realms: ['acme', 'lab'] }));
    expect(await scheme.identify(helloWith(await of('EdDSA').sign()))).toMatchObject({ kind: 'member' });
    const token = await of('EdDSA').sign({ realm: 'rival' });
    expect(await scheme.identify(helloWith(token, { realm: 'rival' as RealmName }))).toEqual(UNTRUSTED);
  });
});

/** A token signed by HMAC, whatever its header says. */
function forge(header: object, secret: string, hash = 'sha256'): string {
  const [head, body] = [header, goodClaims()].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  return `${head}.${body}.${createHmac(hash, secret).update(`${head}.${body}`).digest('base64url')}`;
}

describe('claims', () => {
  it.each([
    ['its end', { exp: NOW - 31 }, 'expired', 'has ended'],
    ['its beginning', { nbf: NOW + 31 }, 'unauthorized', '"nbf" is in the future'],
    ['its issue', { iat: NOW + 31 }, 'unauthorized', '"iat" is in the future'],
    ['its realm', { realm: 'rival' }, 'unauthorized', '"realm" is not the realm of HELLO'],
    ['no end', { exp: undefined }, 'unauthorized', 'has no claim "exp"'],
    ['no realm', { realm: undefined }, 'unauthorized', 'has no claim "realm"'],
    ['no subject', { sub: undefined }, 'unauthorized', 'has no claim "sub"'],
    ['a subject that is no peer id', { sub: 'a\u0000' }, 'unauthorized', '"sub" is no peer id'],
    ['limits below 1', { limits: { messagesPerSecond: 0 } }, 'unauthorized', '"limits.messagesPerSecond" is not valid'],
    ['limits that are no numbers', { limits: { bytesPerSecond: '9' } }, 'unauthorized', '"limits.bytesPerSecond"'],
    ['a name that is none', { jti: '' }, 'unauthorized', '"jti" is not valid'],
  ])('refuse for %s', async (_, claims, code, message) => {
    expect(await verdict(claims as unknown as JWTPayload)).toEqual(refusal(code, message));
  });

  it.each([
    ['end', { exp: NOW - 29 }],
    ['beginning', { nbf: NOW + 30 }],
    ['issue', { iat: NOW + 30 }],
  ])('may be off by the skew in their %s', async (_, claims) => {
    expect(await verdict(claims)).toMatchObject({ kind: 'member' });
    expect(await verdict(claims, { skewSeconds: 0 })).toMatchObject({ kind: 'refused' });
  });

  it('need the audience where one is set', async () => {
    const audience = 'causeway';
    expect(await verdict({ aud: ['web', 'causeway'] }, { audience })).toMatchObject({ kind: 'member' });
    expect(await verdict({ aud: 'web' }, { audience })).toEqual(refusal('unauthorized', '"aud" is not what'));
    expect(await verdict({}, { audience })).toEqual(refusal('unauthorized', 'has no claim "aud"'));
    expect(await verdict({ aud: 'web' })).toMatchObject({ kind: 'member' });
  });

  it('grant limits', async () => {
    const limits = { messagesPerSecond: 5, bytesPerSecond: 1000 };
    expect(await verdict({ limits: { ...limits, more: 1 } })).toMatchObject({ limits });
    expect(await verdict({ limits: { messagesPerSecond: 5 } })).toMatchObject({ limits: { messagesPerSecond: 5 } });
  });

  it('name the peer, which HELLO may name as well', async () => {
    const scheme = tokenScheme(keysOf(of('EdDSA').jwk));
    const token = await of('EdDSA').sign();
    expect(await scheme.identify(helloWith(token, { peer: 'alice' as PeerId }))).toMatchObject({ peer: 'alice' });
    const other = refusal('unauthorized', 'another peer');
    expect(await scheme.identify(helloWith(token, { peer: 'bob' as PeerId }))).toEqual(other);
    // Also when the token is known already, and in another realm.
    expect(await scheme.identify(helloWith(token, { peer: 'bob' as PeerId }))).toEqual(other);
    expect(await scheme.identify(helloWith(token, { realm: 'rival' as RealmName }))).toMatchObject({ kind: 'refused' });
  });
});

describe('what is no token', () => {
  it('is refused', async () => {
    const scheme = tokenScheme([readSecret(SECRET)]);
    const none = { ...helloWith(''), auth: { scheme: 'token' as const } };
    expect(await scheme.identify(none)).toEqual(refusal('unauthorized', 'HELLO has no token'));
    expect(await scheme.identify(helloWith(''))).toEqual(refusal('unauthorized', 'no signed JWT'));
    expect(await scheme.identify(helloWith('x'.repeat(8193)))).toEqual(refusal('unauthorized', 'longer than 8192'));
  });

  it('never makes a member and never throws, be it nearly one', async () => {
    const scheme = tokenScheme([...keysOf(of('EdDSA').jwk, of('RS256').jwk), readSecret(SECRET)]);
    const good = [await of('EdDSA').sign(), await of('RS256').sign(), await signWithSecret()];
    const part = fc.oneof(
      fc.string(),
      fc.base64String(),
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
      fc.constantFrom(...good.flatMap((token) => token.split('.'))),
    );
    const nearly = fc.oneof(
      fc.string(),
      fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.')),
    );
    await fc.assert(
      fc.asyncProperty(nearly, async (token) => {
        if (good.includes(token)) return;
        const { kind } = await scheme.identify(helloWith(token));
        expect(kind).toBe('refused');
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the cache of members', () => {
  it('spares the verification until the token ends, a change, or the time to live', async () => {
    const clock = new HandClock();
    const { jwk } = of('EdDSA');
    const keys = keysOf(jwk);
    let asked = 0;
    const counting = {
      isEmpty: false,
      find: async () => {
        asked += 1;
        return { keys, certain: true };
      },
    };
    const scheme = tokenScheme([], { keys: counting as never, clock });
    const brief = helloWith(await of('EdDSA').sign());
    const long = helloWith(await of('EdDSA').sign({ exp: NOW + 3600 }));
    const expectAsked = async (hello: typeof brief, times: number, kind: string) => {
      expect(await scheme.identify(hello)).toMatchObject({ kind });
      expect(asked).toBe(times);
    };
    await expectAsked(brief, 1, 'member');
    await expectAsked(brief, 1, 'member');
    scheme.forget();
    await expectAsked(brief, 2, 'member');
    await expectAsked(long, 3, 'member');
    clock.ms += 91_000;
    await expectAsked(brief, 4, 'refused');
    await expectAsked(long, 4, 'member');
    clock.ms += 300_000;
    await expectAsked(long, 5, 'member');
  });
});
