import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACME, issuer, keysOf, SECRET } from '../../../../test/kit/token-kit.ts';
import { fits, KeyRing, readKeySet, readSecret, type TokenKeys } from './token-keys.ts';

const oct = { kty: 'oct', k: Buffer.from(SECRET).toString('base64url') };
const rsa = (bits: number) => generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'jwk' });

const problems = (key: object, symmetric = true): readonly string[] => readKeySet({ keys: [key] }, symmetric).problems;

describe('a key set', () => {
  it('binds each key to one algorithm', async () => {
    const { alg, ...bare } = (await issuer('ES256', 'k1')).jwk;
    expect(
      keysOf(bare, oct, { ...oct, kid: 'k2' }).map(({ id, algorithm, realms }) => [id, algorithm, realms]),
    ).toEqual([
      ['k1', alg, null],
      [null, 'HS256', null],
      ['k2', 'HS256', null],
    ]);
  });

  it('refuses what cannot be used, and says so without showing it', async () => {
    const { jwk } = await issuer('EdDSA', 'k1');
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' });
    const whole = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
    expect([
      problems({ ...jwk, alg: 'HS256' }),
      problems({ ...oct, alg: 'RS256' }),
      problems(p384),
      problems({ ...jwk, use: 'enc' }),
      problems({ ...jwk, key_ops: ['encrypt'] }),
      problems({ ...jwk, realms: ['Acme'] }),
      problems({ ...jwk, realms: 'acme' }),
      problems(whole),
      problems({ ...jwk, x: 'AAAA' }),
      problems({ kty: 'oct', k: 'c2hvcnQ' }),
      problems(oct, false),
      problems(rsa(1024)),
      problems(null as never),
    ]).toEqual([
      ['key 1 is for none of HS256, EdDSA, ES256, RS256'],
      ['key 1 is for none of HS256, EdDSA, ES256, RS256'],
      ['key 1 is for none of HS256, EdDSA, ES256, RS256'],
      ['key 1 is not for signatures'],
      ['key 1 is not for verifying'],
      ['key 1 has a realm that is no realm name'],
      ['key 1 has a bad member: realms'],
      ['key 1 is a private key: give the relay its public part only'],
      ['key 1 could not be read'],
      ['key 1 has 5 bytes, HS256 needs 32'],
      ['key 1 is a secret, which must not be in a set that others can read'],
      ['key 1 has 1024 bits, RS256 needs 2048'],
      [expect.stringMatching(/^key 1 has a bad member/)],
    ]);
    expect(problems(rsa(2048))).toEqual([]);
  });

  it('keeps the good keys beside bad ones', async () => {
    const { jwk } = await issuer('EdDSA', 'k1');
    expect(readKeySet({ keys: [{}, jwk] }, false)).toMatchObject({ keys: [{ id: 'k1' }], problems: [/^key 1/] });
  });

  it('never throws, whatever it is', () => {
    const key = fc.oneof(
      fc.jsonValue(),
      fc.record({ kty: fc.constantFrom('oct', 'RSA', 'EC', 'OKP'), crv: fc.string() }),
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.record({ keys: fc.array(key) })), (json) => {
        expect(readKeySet(json, true).keys).toEqual([]);
      }),
    );
  });
});

it('a shared secret has 32 bytes at least', () => {
  expect(() => readSecret('x'.repeat(31))).toThrow('has 31 bytes');
  expect(readSecret('x'.repeat(32))).toMatchObject({ algorithm: 'HS256', realms: null });
});

describe('a key ring', () => {
  it('asks the URL only for what may be there', async () => {
    const known = (await issuer('EdDSA', 'k1')).jwk;
    const [far] = keysOf((await issuer('EdDSA', 'k2')).jwk);
    const asked: (string | null)[] = [];
    const remote: TokenKeys = {
      find: async (wanted) => {
        asked.push(wanted.id);
        return { keys: [far].filter((key) => key !== undefined && fits(key, wanted)) as never, certain: false };
      },
    };
    const ring = new KeyRing([...keysOf(known), readSecret(SECRET)], remote);
    const find = async (algorithm: 'EdDSA' | 'HS256', id: string | null) => {
      const { keys, certain } = await ring.find({ algorithm, id, realm: ACME });
      return [keys.map((key) => key.id), certain];
    };
    expect(await find('EdDSA', 'k1')).toEqual([['k1'], true]);
    expect(await find('HS256', 'k3')).toEqual([[null], true]);
    expect(asked).toEqual([]);
    expect(await find('EdDSA', 'k2')).toEqual([['k2'], false]);
    expect(await find('EdDSA', null)).toEqual([['k1', 'k2'], false]);
    expect(asked).toEqual(['k2', null]);
  });
});
