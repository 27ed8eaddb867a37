import { afterEach, describe, expect, test } from 'vitest';
import { fakeOperations, startAdmin } from '../../../../test/kit/admin-server.ts';
import { Scope } from '../../../../test/kit/scope.ts';
import type { Operations } from './operations.ts';
import { ROUTES } from './routes/index.ts';
import { AdminTokens, mayAct, ROLES } from './tokens.ts';

const scope = new Scope();
afterEach(() => scope.end());

type Given = { readonly [Group in keyof Operations]?: Partial<Operations[Group]> };

async function setUp(given: Given = {}, options: Parameters<typeof startAdmin>[1] = {}) {
  const calls: string[] = [];
  const entries: unknown[] = [];
  const audit = { append: async (...entry: unknown[]) => void entries.push(entry), ...given.audit };
  const operations = fakeOperations(calls, { ...given, audit });
  return { ...scope.keep(await startAdmin(operations, options)), calls, entries };
}

/** A request that each route takes. */
const BODIES: Readonly<Record<string, object>> = {
  'POST /admin/bans': { kind: 'realm', realm: 'acme' },
  'POST /admin/allow-lists': { kind: 'peer', realm: 'acme', peer: 'alice' },
  'POST /admin/revocations': { kind: 'token', token: 'jti' },
  'PUT /admin/limits': { version: 0, policy: {} },
  'POST /admin/limits/rollback': { to: 1, version: 2 },
  'POST /admin/allow': { realm: 'acme', peer: 'alice' },
  'PUT /admin/reservations/{realm}/{peer}': { holder: 'h', ttlMs: 1000, epoch: 1 },
};
const QUERIES: Readonly<Record<string, string>> = { 'DELETE /admin/reservations/{realm}/{peer}': '?epoch=1' };
const CASES = ROUTES.map((route) => {
  const name = `${route.method} ${route.path}`;
  const path = route.path.replaceAll(/\{\w+\}/g, 'x') + (QUERIES[name] ?? '');
  return { name, route, path, body: route.method === 'GET' ? undefined : (BODIES[name] ?? {}) };
});

describe('who may do what', () => {
  test('without tokens there is no admin API, and the answer says how to get it', async () => {
    const { ask, calls } = await setUp({}, { tokens: new AdminTokens([]) });
    for (const path of ['/admin/drain', '/admin/nothing', '/admin', '/admin/openapi.json']) {
      const { status, body } = await ask('POST', path, 'admin-token');
      const expected = [404, 'admin_api_off', expect.stringContaining('CAUSEWAY_ADMIN_TOKENS')];
      expect([status, body.code, body.error]).toEqual(expected);
    }
    expect(calls).toEqual([]);
  });

  test.each([undefined, 'wrong', 'admin-toke', 'admin-token2'])('nobody with %j', async (token) => {
    const { ask, calls } = await setUp();
    const { status, headers, body } = await ask('POST', '/admin/drain', token);
    const found = [status, body.code, headers.get('www-authenticate')];
    expect(found).toEqual([401, 'unauthorized', 'Bearer realm="causeway"']);
    expect(calls).toEqual([]);
  });

  test.each(CASES)('$name: the role of the route and those above it', async ({ route, path, body }) => {
    for (const role of ROLES) {
      const { ask, calls, entries } = await setUp();
      const answer = await ask(route.method, path, `${role}-token`, body);
      if (mayAct(role, route.role)) {
        // The operation was reached, which fails here; a drain has none before its answer.
        expect([answer.status, role]).toEqual([answer.status === 202 ? 202 : 500, role]);
      } else {
        expect([answer.status, answer.body.code, calls, entries]).toEqual([403, 'forbidden', [], []]);
      }
    }
  });

  test('there is a route for each row of the agreed table', () => {
    const roles = Object.fromEntries(ROUTES.map(({ method, path, role }) => [`${method} ${path}`, role]));
    expect(roles).toMatchObject({
      'GET /admin/nodes': 'read',
      'POST /admin/nodes/{node}/drain': 'operate',
      'POST /admin/peers/{realm}/{peer}/disconnect': 'operate',
      'DELETE /admin/peers/{realm}/{peer}/mailbox': 'operate',
      'DELETE /admin/peers/{realm}/{peer}': 'admin',
      'PUT /admin/limits': 'operate',
      'GET /admin/audit': 'read',
      'POST /admin/allow': 'operate',
    });
    expect(Object.keys(roles)).toHaveLength(ROUTES.length);
  });
});

describe('a path', () => {
  test.each([
    ['GET', '/admin/drain', 405, 'POST'],
    ['POST', '/admin/consistency', 405, 'GET'],
    ['POST', '/admin/limits', 405, 'GET, PUT'],
    ['POST', '/admin/openapi.json', 405, 'GET'],
    ['GET', '/admin/nothing', 404, null],
    ['GET', '/admin/peers/acme', 404, null],
    ['GET', '/admin/peers/acme/a/b', 404, null],
    ['GET', '/admin/', 404, null],
  ])('%s %s is %i', async (method, path, expected, allow) => {
    const { ask, calls } = await setUp();
    const { status, headers, body } = await ask(method, path, 'admin-token');
    expect([status, headers.get('allow'), typeof body.error, calls]).toEqual([expected, allow, 'string', []]);
  });

  test('names realm and peer percent-encoded', async () => {
    const asked: string[] = [];
    const look: Operations['peers']['look'] = async (key) => {
      asked.push(key);
      return { kind: 'unknown' };
    };
    const { ask } = await setUp({ peers: { look } });
    for (const peer of ['a/b', '{x}', 'ü?&%', '🦀']) {
      const { status, body } = await ask('GET', `/admin/peers/acme/${encodeURIComponent(peer)}`, 'read-token');
      expect([status, body.code, body.peer]).toEqual([404, 'not_found', peer]);
    }
    expect(asked).toEqual(['acme/a/b', 'acme/{x}', 'acme/ü?&%', 'acme/🦀']);
  });

  test.each([
    ['/admin/peers/ACME/a', 'realm'],
    ['/admin/peers/acme/%00', 'peer'],
    ['/admin/peers/acme/%ff', 'peer'],
    [`/admin/peers/acme/${'x'.repeat(129)}`, 'peer'],
  ])('%.40s: the problem names the segment', async (path, field) => {
    const { ask, calls } = await setUp();
    const { status, body } = await ask('GET', path, 'read-token');
    const problems = [{ path: field, message: expect.any(String) }];
    expect([status, body.code, body.problems, calls]).toEqual([400, 'bad_request', problems, []]);
  });

  test('HEAD is answered as GET, without the body', async () => {
    const { ask } = await setUp({ nodes: { consistency: async () => ({ ok: true, checks: [] }) } });
    const { status, text, headers } = await ask('HEAD', '/admin/consistency', 'read-token');
    expect([status, text, headers.get('content-length')]).toEqual([200, '', '24']);
  });
});

describe('what is sent', () => {
  test.each([
    ['POST', '/admin/rebalance', '{"limit": 0}', 'limit'],
    ['POST', '/admin/rebalance', '{"limit": 1.5}', 'limit'],
    ['POST', '/admin/rebalance', '{"limit": "5"}', 'limit'],
    ['POST', '/admin/rebalance', '{"limt": 5}', 'limt'],
    ['POST', '/admin/drain', '{"seconds":3}', 'seconds'],
    ['POST', '/admin/drain', '[]', ''],
    ['POST', '/admin/drain', 'null', ''],
    ['DELETE', '/admin/bans/x', '{"id":1}', 'id'],
    ['POST', '/admin/bans', '{}', 'kind'],
    ['POST', '/admin/bans', '{"kind":"token","token":"x"}', 'kind'],
    ['POST', '/admin/bans', '{"kind":"realm","realm":"A"}', 'realm'],
    ['POST', '/admin/bans', '{"kind":"realm","realm":"a","seconds":0}', 'seconds'],
    ['POST', '/admin/bans', '{"kind":"realm","realm":"a","peer":"b"}', 'peer'],
    ['PUT', '/admin/limits', '{"version":0}', 'policy'],
    ['PUT', '/admin/limits', '{"version":-1,"policy":{}}', 'version'],
    ['PUT', '/admin/limits', '{"version":0,"policy":3}', 'policy'],
    ['POST', '/admin/allow', '{"realm":"a","peer":"b","messages":-1}', 'messages'],
    ['PUT', '/admin/reservations/a/b', '{"holder":"h","ttlMs":1000,"epoch":0}', 'epoch'],
    ['DELETE', '/admin/reservations/a/b', '', 'epoch'],
    ['DELETE', '/admin/reservations/a/b?epoch=', '', 'epoch'],
    ['DELETE', '/admin/reservations/a/b?epoch=1&epoch=2', '', 'epoch'],
    ['GET', '/admin/top?count=0', undefined, 'count'],
    ['GET', '/admin/top?count=x', undefined, 'count'],
    ['GET', '/admin/top?coumt=1', undefined, 'coumt'],
    ['GET', '/admin/usage?from=yesterday', undefined, 'from'],
    ['GET', '/admin/usage?format=xml', undefined, 'format'],
    ['GET', '/admin/limits/effective?peer=x', undefined, 'realm'],
  ])('%s %s %s: the problem names the field', async (method, path, sent, field) => {
    const { ask, calls, entries } = await setUp();
    const { status, body } = await ask(method, path, 'admin-token', sent);
    expect([status, body.code]).toEqual([400, 'bad_request']);
    expect(body.problems).toEqual([{ path: field, message: expect.any(String) }]);
    expect(body.error).toContain(body.problems[0].message);
    expect([calls, entries]).toEqual([[], []]);
  });

  test('that is no JSON, or too long', async () => {
    const { ask, calls } = await setUp();
    const long = `"${'x'.repeat(17_000)}"`;
    expect(await ask('POST', '/admin/drain', 'admin-token', '{')).toMatchObject({
      status: 400,
      body: { problems: [] },
    });
    expect(await ask('POST', '/admin/drain', 'admin-token', long)).toMatchObject({
      status: 413,
      body: { code: 'too_large' },
    });
    expect(await ask('PUT', '/admin/limits', 'admin-token', long)).toMatchObject({ status: 400 });
    const tooLong = `"${'x'.repeat(1_100_000)}"`;
    expect(await ask('PUT', '/admin/limits', 'admin-token', tooLong)).toMatchObject({ status: 413 });
    expect(calls).toEqual([]);
  });

  test('of a policy: its problems are under `policy`', async () => {
    const write: Operations['limits']['write'] = async () => ({
      kind: 'invalid',
      problems: [
        { path: 'realms.acme.realm.messages.perSecond', message: 'is too low' },
        { path: '', message: 'is too long' },
      ],
    });
    const { ask, entries } = await setUp({ limits: { write } });
    const { status, body } = await ask('PUT', '/admin/limits', 'operate-token', { version: 0, policy: {} });
    expect([status, body.problems]).toEqual([
      400,
      [
        { path: 'policy.realms.acme.realm.messages.perSecond', message: 'is too low' },
        { path: 'policy', message: 'is too long' },
      ],
    ]);
    expect(entries).toEqual([]);
  });

  test('of a policy reaches who knows its form as it was, with what is a trap for others', async () => {
    const texts: string[] = [];
    const write: Operations['limits']['write'] = async (policy) => {
      texts.push(JSON.stringify(policy));
      return { kind: 'written', version: 1 };
    };
    const { ask } = await setUp({ limits: { write } });
    await ask('PUT', '/admin/limits', 'operate-token', '{"version":0,"policy":{"__proto__":{"a":1}}}');
    expect(texts).toEqual(['{"__proto__":{"a":1}}']);
  });
});

describe('the audit trail', () => {
  test('has what may have been done, where that is not known', async () => {
    const reply = async () => ({ kind: 'unavailable', reason: 'away' }) as const;
    const { ask, entries } = await setUp({ peers: { purge: reply, look: reply }, limits: { write: reply } });
    const asked: [string, string, object?][] = [
      ['DELETE', '/admin/peers/acme/%C3%BC/mailbox'],
      ['PUT', '/admin/limits', { version: 0, policy: {} }],
      ['GET', '/admin/peers/acme/bob'],
    ];
    for (const [method, path, body] of asked) {
      expect((await ask(method, path, 'operate-token', body)).status).toBe(503);
    }
    expect(entries).toEqual([
      [expect.any(String), 'mailbox.purge', { realm: 'acme', peer: 'ü', outcome: 'unknown' }],
      [expect.any(String), 'limits.set', { outcome: 'unknown' }],
    ]);
  });

  test('has the peer that was disconnected and came back before it was erased', async () => {
    const { ask, entries } = await setUp({ peers: { erase: async () => ({ kind: 'online' }) } });
    expect((await ask('DELETE', '/admin/peers/acme/bob', 'admin-token')).body.code).toBe('online');
    expect(entries).toEqual([[expect.any(String), 'peer.erase', { realm: 'acme', peer: 'bob', outcome: 'online' }]]);
  });
});

test('what fails is an error with a code', async () => {
  const { ask, calls } = await setUp();
  const { status, body } = await ask('GET', '/admin/consistency', 'read-token');
  expect([status, body, calls]).toEqual([500, { error: 'not here', code: 'internal' }, ['nodes.consistency']]);
});
