import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ACME,
  HandClock,
  helloWith,
  type Issuer,
  issuer,
  SILENT,
  tokenScheme,
} from '../../../../test/kit/token-kit.ts';
import { RemoteKeys } from './jwks-url.ts';
import { KeyRing, type TokenAlgorithm } from './token-keys.ts';

let server: Server;
let url: URL;
let requests = 0;
let answer: { status: number; body: string };
let first: Issuer;
let second: Issuer;
let clock: HandClock;
let changes: number;
let remote: RemoteKeys;

const serve = (...jwks: object[]): void => {
  answer = { status: 200, body: JSON.stringify({ keys: jwks }) };
};

beforeEach(async () => {
  [first, second] = await Promise.all([issuer('EdDSA', 'k1'), issuer('ES256', 'k2')]);
  requests = 0;
  changes = 0;
  clock = new HandClock();
  server = createServer((_request, response) => {
    requests += 1;
    response.writeHead(answer.status).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/keys?secret=1`);
  serve(first.jwk);
  remote = new RemoteKeys({ url, clock, log: SILENT, onChange: () => (changes += 1) });
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function find(id: string, algorithm: TokenAlgorithm = 'EdDSA', realm = ACME) {
  const { keys, certain } = await remote.find({ algorithm, id, realm });
  return [keys.map((key) => key.id), certain];
}

describe('keys of a URL', () => {
  it('are fetched once for all who ask at the same time, and kept', async () => {
    expect(await Promise.all([find('k1'), find('k1'), find('k1')])).toEqual(Array(3).fill([['k1'], true]));
    clock.ms += 599_000;
    expect(await find('k1')).toEqual([['k1'], true]);
    expect([requests, changes]).toEqual([1, 1]);
  });

  it('are fetched again after their time, so that one that was taken back is believed no longer', async () => {
    await find('k1');
    serve(second.jwk);
    clock.ms += 600_000;
    expect(await find('k1')).toEqual([[], true]);
    expect([requests, changes]).toEqual([2, 2]);
  });

  it('are fetched for a new one, but not each time that somebody invents one', async () => {
    await find('k1');
    serve(first.jwk, second.jwk);
    clock.ms += 29_999;
    expect(await find('k2', 'ES256')).toEqual([[], false]);
    clock.ms += 1;
    expect(await find('k2', 'ES256')).toEqual([['k2'], true]);
    expect(requests).toBe(2);
    clock.ms += 1000;
    for (let i = 0; i < 100; i += 1) expect(await find(`k${i + 3}`)).toEqual([[], false]);
    expect(requests).toBe(2);
    clock.ms += 30_000;
    expect(await find('invented')).toEqual([[], true]);
    expect([requests, changes]).toEqual([3, 2]);
  });

  it('stay in force when the URL fails, which is then asked each 5 s', async () => {
    await find('k1');
    const failures = [
      { status: 500, body: '' },
      { status: 200, body: 'no JSON' },
      { status: 200, body: '{"keys":1}' },
      { status: 200, body: JSON.stringify({ keys: [], padding: 'x'.repeat(300_000) }) },
    ];
    clock.ms += 600_000;
    for (const [index, failure] of failures.entries()) {
      answer = failure;
      expect(await find('k1')).toEqual([['k1'], true]);
      expect(await find('k2')).toEqual([[], false]);
      expect(requests).toBe(2 + index);
      clock.ms += 5000;
    }
    serve(second.jwk);
    expect(await find('k2', 'ES256')).toEqual([['k2'], true]);
  });

  it('that were never there make a client wait, not give up', async () => {
    answer = { status: 503, body: '' };
    const scheme = tokenScheme([], { keys: new KeyRing([], remote), clock });
    expect(await scheme.identify(helloWith(await first.sign()))).toMatchObject({ code: 'unavailable' });
    serve(first.jwk);
    clock.ms += 5000;
    expect(await scheme.identify(helloWith(await first.sign()))).toMatchObject({ kind: 'member' });
  });

  it('may be limited to realms, and are public ones', async () => {
    serve(
      { ...first.jwk, realms: ['lab'] },
      { kty: 'oct', kid: 'k1', k: 'x'.repeat(64) },
      { ...second.jwk, realms: 1 },
    );
    expect(await find('k1')).toEqual([[], true]);
    clock.ms += 1;
    expect(await find('k1', 'HS256')).toEqual([[], false]);
    expect(await find('k2', 'ES256')).toEqual([[], false]);
    expect(await find('k1', 'EdDSA', 'lab' as typeof ACME)).toEqual([['k1'], true]);
  });

  it('log no part of the URL that may be secret', async () => {
    const logged: object[] = [];
    const log = { ...SILENT, warn: (fields: object) => void logged.push(fields) };
    answer = { status: 500, body: '' };
    await new RemoteKeys({ url, clock, log, onChange: () => {} }).find({ algorithm: 'EdDSA', id: 'k1', realm: ACME });
    expect(logged).toHaveLength(1);
    expect(JSON.stringify(logged)).not.toContain('secret');
  });
});
