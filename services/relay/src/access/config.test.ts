import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { issuer, SECRET } from '../../../../test/kit/token-kit.ts';
import { loadRelayConfig } from '../config.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'causeway-auth-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function problems(env: Record<string, string>): readonly string[] {
  const loaded = loadRelayConfig(env);
  return loaded.ok ? [] : loaded.problems;
}

it('reads keys, secrets and URLs', async () => {
  const { jwk } = await issuer('RS256', 'k1');
  const loaded = loadRelayConfig({
    CAUSEWAY_AUTH: 'token',
    CAUSEWAY_TOKEN_KEYS_FILE: file('keys.json', JSON.stringify({ keys: [{ ...jwk, realms: ['acme'] }] })),
    CAUSEWAY_TOKEN_SECRET_FILE: file('secret', `${SECRET}\n`),
    CAUSEWAY_TOKEN_JWKS_URL: 'https://id.example/keys',
    CAUSEWAY_ADMISSION_URL: 'http://127.0.0.1:9/admit',
  });
  expect(loaded).toMatchObject({
    ok: true,
    config: {
      auth: 'token',
      tokenKeys: [{ id: 'k1', algorithm: 'RS256', realms: new Set(['acme']) }],
      tokenSecret: { algorithm: 'HS256', realms: null },
      tokenJwksUrl: new URL('https://id.example/keys'),
      tokenAudience: null,
      tokenSkewSeconds: 30,
      memberCacheSeconds: 300,
      admissionFailure: 'closed',
      admissionTimeoutMs: 2000,
    },
  });
});

it('says what is wrong with them, and shows no secret', () => {
  const secret = file('short', 'hush');
  const keys = file(
    'bad.json',
    JSON.stringify({
      keys: [
        { kty: 'oct', k: 'aHVzaA' },
        { kty: 'EC', crv: 'P-521' },
      ],
    }),
  );
  const found = problems({
    CAUSEWAY_TOKEN_KEYS_FILE: keys,
    CAUSEWAY_TOKEN_SECRET_FILE: secret,
    CAUSEWAY_TOKEN_JWKS_URL: 'https://me:hush@id.example/',
    CAUSEWAY_ADMISSION_URL: 'ftp://id.example/',
  });
  expect(found.map((problem) => problem.split(' ')[0])).toEqual([
    'CAUSEWAY_TOKEN_KEYS_FILE',
    'CAUSEWAY_TOKEN_JWKS_URL',
    'CAUSEWAY_TOKEN_SECRET_FILE',
    'CAUSEWAY_ADMISSION_URL',
  ]);
  expect(found[0]).toContain('key 1 has 4 bytes, HS256 needs 32: key 2 is for none of');
  expect(found[2]).toContain('the secret has 4 bytes, at least 32 are needed');
  expect(`${found[0]} ${found[2]}`).not.toMatch(/hush|aHVzaA/);
});

it('refuses tokens without a key, and a secret for a hook that there is not', () => {
  expect(problems({ CAUSEWAY_AUTH: 'token', CAUSEWAY_ADMISSION_SECRET_FILE: file('bearer', 'x') })).toEqual([
    expect.stringContaining('CAUSEWAY_AUTH is token: it needs keys'),
    'CAUSEWAY_ADMISSION_SECRET_FILE is set without CAUSEWAY_ADMISSION_URL',
  ]);
});
