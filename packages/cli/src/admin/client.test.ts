import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Asked, type Reply, type Stub, startStub } from '../../test/admin-stub.ts';
import { AdminClient, openAdmin, readToken, segment } from './client.ts';
import { edit, editLimitsOf } from './edit.ts';
import type { PolicyDocument } from './policy.ts';

let stub: Stub | undefined;
afterEach(() => stub?.close());

async function serve(answer: (asked: Asked) => Reply | undefined): Promise<Stub> {
  stub = await startStub(answer);
  return stub;
}

describe('AdminClient', () => {
  it('asks with the token, and gives the answer as it came', async () => {
    const { admin, asked } = await serve(() => ({ body: '{"a": 1}\n' }));
    expect(await admin.get('/admin/top', { count: '5', realm: undefined })).toEqual({
      body: { a: 1 },
      text: '{"a": 1}\n',
    });
    await admin.post('/admin/bans', { kind: 'realm' });
    expect(asked).toEqual([
      { method: 'GET', path: '/admin/top?count=5', authorization: 'Bearer secret', body: null },
      { method: 'POST', path: '/admin/bans', authorization: 'Bearer secret', body: { kind: 'realm' } },
    ]);
  });

  it('keeps the path of a proxy in front', async () => {
    const { url, asked } = await serve(() => ({ body: {} }));
    await new AdminClient(new URL(`${url}/relay/`), 'x', 5000).get('/admin/nodes');
    expect(asked[0]?.path).toBe('/relay/admin/nodes');
  });

  it.each([
    [400, 'bad_request', 2],
    [401, 'unauthorized', 77],
    [403, 'forbidden', 77],
    [404, 'admin_api_off', 77],
    [404, 'not_found', 1],
    [409, 'running', 1],
    [500, 'internal', 75],
    [503, 'unavailable', 75],
  ])('ends for %i %s with %i and the sentence of the API', async (status, code, exitCode) => {
    const { admin } = await serve(() => ({ status, body: { error: 'It is so.', code } }));
    await expect(admin.get('/admin/nodes')).rejects.toMatchObject({
      exitCode,
      code,
      message: expect.stringMatching(/^It is so\./),
    });
  });

  it('lists problems by field, and nothing that a terminal acts on', async () => {
    const problems = [
      { path: 'policy.realms.acme.auth', message: 'is \u001b[2Jbad' },
      { path: '', message: 'and so on' },
    ];
    const error = 'the request is not as it should be: policy.realms.acme.auth: is bad; and so on';
    const { admin } = await serve(() => ({ status: 400, body: { error, code: 'bad_request', problems } }));
    await expect(admin.get('/')).rejects.toThrow(
      /^the request is not as it should be:\n {2}policy\.realms\.acme\.auth: is \\u001b\[2Jbad\n {2}and so on$/,
    );
  });

  it('knows what is no admin port', async () => {
    const { admin } = await serve(() => ({ status: 404, body: 'Not found', type: 'text/plain' }));
    await expect(admin.get('/')).rejects.toMatchObject({ exitCode: 69, message: expect.stringContaining('7071') });
  });

  it('tells a relay that is away from one that does not answer', async () => {
    const { url, close } = await serve(() => undefined);
    await expect(new AdminClient(new URL(url), 'x', 50).get('/')).rejects.toMatchObject({ exitCode: 75 });
    close();
    await expect(new AdminClient(new URL(url), 'x', 5000).get('/')).rejects.toMatchObject({ exitCode: 69 });
  });
});

describe('the token', () => {
  it('comes from options before variables, and from itself before a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'causeway-admin-'));
    const file = (name: string): string => {
      writeFileSync(join(folder, name), `of ${name}\n`);
      return join(folder, name);
    };
    const env = { CAUSEWAY_ADMIN_TOKEN: 'of the variable', CAUSEWAY_ADMIN_TOKEN_FILE: file('variable') };
    expect(await readToken({ token: 'own', tokenFile: file('option') }, env)).toBe('own');
    expect(await readToken({ tokenFile: file('option') }, env)).toBe('of option');
    expect(await readToken({}, env)).toBe('of the variable');
    expect(await readToken({}, { ...env, CAUSEWAY_ADMIN_TOKEN: '' })).toBe('of variable');
    expect(await readToken({}, {})).toBeNull();
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['a URL that is none', { url: 'localhost', token: 'x' }],
    ['the URL of the public port', { url: 'ws://127.0.0.1:7070', token: 'x' }],
    ['a token with a blank', { url: 'http://127.0.0.1:7071', token: 'a b' }],
    ['a file that is not there', { url: 'http://127.0.0.1:7071', tokenFile: '/nowhere/token' }],
  ])('%s is wrong usage', async (_, options) => {
    await expect(openAdmin({ timeout: 5000, ...options })).rejects.toMatchObject({ exitCode: 2 });
  });
});

it('a name that a URL would take for a direction is refused', () => {
  expect(segment('a/b c')).toBe('a%2Fb%20c');
  for (const name of ['.', '..']) expect(() => segment(name)).toThrow('cannot be named here');
});

describe('editLimitsOf', () => {
  /** Keeps a policy with its version. `rivals`: changes of others, each just in front of a write. */
  async function serveLimits(rivals: ((policy: PolicyDocument) => PolicyDocument)[]) {
    let version = 3;
    let policy: PolicyDocument = { cluster: { messages: { perSecond: 9 } } };
    const served = await serve(({ method, body }) => {
      if (method === 'GET') return { body: { version, policy, by: '', note: '', at: null } };
      const rival = rivals.shift();
      if (rival !== undefined) {
        policy = rival(policy);
        version += 1;
      }
      const put = body as { version: number; policy: PolicyDocument };
      if (put.version !== version) return { status: 409, body: { error: 'changed', code: 'conflict', version } };
      policy = put.policy;
      version += 1;
      return { body: { version } };
    });
    return { ...served, policy: () => policy };
  }

  const limitAlice = (document: PolicyDocument): PolicyDocument =>
    edit(document, { kind: 'peer', realm: 'acme', peer: 'alice' }, [
      { kind: 'rate', key: 'messages', level: 'all', unit: 'messages', field: 'perSecond', value: 5 },
    ]);

  it('writes what it read and changed, with the version of that and the note', async () => {
    const { admin, asked } = await serveLimits([]);
    expect(await editLimitsOf(admin, limitAlice, 'why')).toEqual({ version: 4, changed: true });
    expect(asked.map(({ method }) => method)).toEqual(['GET', 'PUT']);
    expect(asked[1]?.body).toEqual({
      version: 3,
      policy: { cluster: { messages: { perSecond: 9 } }, peers: { 'acme/alice': { messages: { perSecond: 5 } } } },
      note: 'why',
    });
  });

  it('reads again when others were quicker, and keeps what they wrote', async () => {
    const { admin, asked, policy } = await serveLimits([
      (before) => ({ ...before, cluster: { messages: null } }),
      (before) => ({ ...before, realms: { beta: { auth: 'key' } } }),
    ]);
    expect(await editLimitsOf(admin, limitAlice, undefined)).toEqual({ version: 6, changed: true });
    expect(asked.map(({ method }) => method)).toEqual(['GET', 'PUT', 'GET', 'PUT', 'GET', 'PUT']);
    expect(policy()).toEqual({
      cluster: { messages: null },
      realms: { beta: { auth: 'key' } },
      peers: { 'acme/alice': { messages: { perSecond: 5 } } },
    });
  });

  it('gives up after some times, and has written nothing', async () => {
    const { admin, asked, policy } = await serveLimits(Array.from({ length: 10 }, () => (before) => before));
    await expect(editLimitsOf(admin, limitAlice, undefined)).rejects.toMatchObject({ exitCode: 75 });
    expect(asked.filter(({ method }) => method === 'PUT')).toHaveLength(5);
    expect(policy().peers).toBeUndefined();
  });

  it('does not write what is there already', async () => {
    const { admin, asked } = await serveLimits([]);
    await editLimitsOf(admin, limitAlice, undefined);
    expect(await editLimitsOf(admin, limitAlice, undefined)).toEqual({ version: 4, changed: false });
    expect(asked.filter(({ method }) => method === 'PUT')).toHaveLength(1);
  });

  it('does not try again for any other refusal', async () => {
    const { admin, asked } = await serve(({ method }) =>
      method === 'GET'
        ? { body: { version: 1, policy: {} } }
        : { status: 409, body: { error: 'the node drains', code: 'draining' } },
    );
    await expect(editLimitsOf(admin, limitAlice, undefined)).rejects.toThrow('the node drains');
    expect(asked).toHaveLength(2);
  });
});
