import { verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCredentials } from './credentials.ts';

let folder: string;
const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'causeway-credentials-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('readCredentials', () => {
  it('has none by default, and takes one at most', async () => {
    expect(await readCredentials({})).toEqual({});
    await expect(readCredentials({ token: 'x', keyFile: 'y' })).rejects.toThrow('is enough');
  });

  it('reads the file of a token for each connection', async () => {
    const tokenFile = file('token', 'one\n');
    const { token } = await readCredentials({ tokenFile });
    expect(await token?.()).toBe('one');
    file('token', 'two\n');
    expect(await token?.()).toBe('two');
    await expect(readCredentials({ tokenFile: join(folder, 'none') })).rejects.toThrow('ENOENT');
    await expect(readCredentials({ tokenFile: file('empty', '\n') })).rejects.toThrow('is empty');
  });

  it('signs with the key of a file', async () => {
    const pair = await generateKeyPair('EdDSA', { extractable: true });
    const keyFile = file('key.json', JSON.stringify(await exportJWK(pair.privateKey)));
    const { key } = await readCredentials({ keyFile });
    const { x = '' } = await exportJWK(pair.publicKey);
    expect(key?.publicKey).toEqual(Buffer.from(x, 'base64url'));
    const message = Buffer.from('message');
    const signature = (await key?.sign(message)) ?? new Uint8Array();
    const publicKey = { key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' } as const;
    expect(verify(null, message, publicKey, signature)).toBe(true);
  });

  it.each([
    ['no JSON', 'secret words'],
    ['a public key', '{"kty":"OKP","crv":"Ed25519","x":"1xYyJm9NURwyIn_QOwWY7KVta-tgJ6gEwam2Xzg-1Vg"}'],
    ['a secret', '{"kty":"oct","k":"c2VjcmV0"}'],
    ['a broken key', '{"kty":"OKP","crv":"Ed25519","x":"AA","d":"secret"}'],
  ])('refuses %s, and does not show it', async (_, content) => {
    const failure = await readCredentials({ keyFile: file('bad.json', content) }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ exitCode: 2, message: expect.not.stringMatching(/secret/) });
  });
});
