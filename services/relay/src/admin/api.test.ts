import { afterEach, describe, expect, test } from 'vitest';
import type { Operations } from './api.ts';
import { type Admin, createAdmin } from './server.ts';
import { AdminTokens, ROLES } from './tokens.ts';

const admins: Admin[] = [];
afterEach(async () => {
  for (const admin of admins.splice(0)) await admin.close();
});

const TOKENS = new AdminTokens(ROLES.map((role) => ({ role, token: `${role}-token` })));

async function setUp(changes: Partial<Operations> = {}, tokens = TOKENS) {
  const calls: unknown[] = [];
  const operations: Operations = {
    drain: () => void calls.push('drain'),
    drainMs: 25_000,
    connections: () => 7,
    rebalance(limit) {
      calls.push({ limit });
      return { kind: 'started', count: 20, seconds: 2, mean: 33.333 };
    },
    consistency: async () => ({ ok: true, checks: [] }),
    ...changes,
  };
  const admin = createAdmin({
    host: '127.0.0.1',
    port: 0,
    tokens,
    operations,
    metrics: async () => ({ contentType: 'text/plain', body: '' }),
    notReady: async () => [],
  });
  admins.push(admin);
  await admin.listen();
  const ask = async (method: string, path: string, token?: string, body?: string) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`http://127.0.0.1:${admin.port}${path}`, { method, headers, body: body ?? null });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
  };
  return { ask, calls };
}

describe('who may do what', () => {
  test('without tokens there is no admin API, and the answer says how to get it', async () => {
    const { ask, calls } = await setUp({}, new AdminTokens([]));
    for (const path of ['/admin/drain', '/admin/nothing', '/admin']) {
      const { status, body } = await ask('POST', path, 'admin-token');
      expect([status, body.code, body.error]).toEqual([
        404,
        'admin_api_off',
        expect.stringContaining('CAUSEWAY_ADMIN_TOKENS'),
      ]);
    }
    expect(calls).toEqual([]);
  });

  test.each([undefined, 'wrong', 'admin-toke', 'admin-token2'])('nobody with %j', async (token) => {
    const { ask, calls } = await setUp();
    const { status, headers, body } = await ask('POST', '/admin/drain', token);
    expect([status, body.code, headers.get('www-authenticate')]).toEqual([
      401,
      'unauthorized',
      'Bearer realm="causeway"',
    ]);
    expect(calls).toEqual([]);
  });

  test.each([
    ['POST', '/admin/drain', 'read', 403],
    ['POST', '/admin/drain', 'operate', 202],
    ['POST', '/admin/drain', 'admin', 202],
    ['POST', '/admin/rebalance', 'read', 403],
    ['POST', '/admin/rebalance', 'operate', 202],
    ['GET', '/admin/consistency', 'read', 200],
    ['HEAD', '/admin/consistency', 'read', 200],
    ['GET', '/admin/drain', 'admin', 405],
    ['POST', '/admin/consistency', 'admin', 405],
    ['GET', '/admin/nothing', 'read', 404],
  ])('%s %s with a token of %s: %i', async (method, path, role, expected) => {
    const { ask, calls } = await setUp();
    const { status, headers, body } = await ask(method, path, `${role}-token`);
    expect(status).toBe(expected);
    if (status >= 400)
      expect([body, calls]).toEqual([{ ...body, error: expect.any(String), code: expect.any(String) }, []]);
    if (status === 405) expect(headers.get('allow')).toBe(method === 'GET' ? 'POST' : 'GET');
  });
});

describe('a drain', () => {
  test('begins behind its answer', async () => {
    let begun = (): void => undefined;
    const begins = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const { ask } = await setUp({ drain: () => begun() });
    const { status, body } = await ask('POST', '/admin/drain', 'operate-token', '{}');
    expect([status, body]).toEqual([202, { status: 'draining', connections: 7, drainSeconds: 25 }]);
    await begins;
  });

  test.each(['{"seconds":3}', '[]', '1', 'null'])('takes no body such as %s', async (text) => {
    const { ask, calls } = await setUp();
    const { status, body } = await ask('POST', '/admin/drain', 'operate-token', text);
    expect([status, body.code, calls]).toEqual([400, 'bad_request', []]);
  });
});

describe('a rebalance', () => {
  test('says how many are sent away', async () => {
    const { ask, calls } = await setUp();
    const first = await ask('POST', '/admin/rebalance', 'operate-token', '{"limit": 5}');
    expect(first.body).toEqual({ sentAway: 20, seconds: 2, meanConnections: 33.3 });
    await ask('POST', '/admin/rebalance', 'operate-token');
    expect(calls).toEqual([{ limit: 5 }, { limit: undefined }]);
  });

  test.each([
    [{ kind: 'balanced', mean: 5 } as const, 200, { sentAway: 0, seconds: 0, meanConnections: 5 }],
    [{ kind: 'nowhere', surplus: 3, mean: 5 } as const, 409, { code: 'nowhere_to_go', surplus: 3 }],
    [{ kind: 'running', left: 3 } as const, 409, { code: 'running', left: 3 }],
    [{ kind: 'draining' } as const, 409, { code: 'draining' }],
  ])('%j is %i', async (reply, status, body) => {
    const { ask } = await setUp({ rebalance: () => reply });
    expect(await ask('POST', '/admin/rebalance', 'operate-token')).toMatchObject({ status, body });
  });

  test.each([
    ['{"limit": 0}', 400],
    ['{"limit": 1.5}', 400],
    ['{"limit": "5"}', 400],
    ['{"limt": 5}', 400],
    ['{', 400],
    [`"${'x'.repeat(500_000)}"`, 413],
  ])('takes no body such as %.20s', async (text, expected) => {
    const { ask, calls } = await setUp();
    const { status, body } = await ask('POST', '/admin/rebalance', 'operate-token', text);
    expect([status, typeof body.error, calls]).toEqual([expected, 'string', []]);
  });
});

test('what fails is an error with a code', async () => {
  const { ask } = await setUp({ consistency: () => Promise.reject(new Error('broken')) });
  const { status, body } = await ask('GET', '/admin/consistency', 'read-token');
  expect([status, body]).toEqual([500, { error: 'broken', code: 'internal' }]);
});
