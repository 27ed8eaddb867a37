import { afterEach, expect, test } from 'vitest';
import { startRedis } from '../../kit/redis.ts';
import { startCluster } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import { waitFor } from '../../kit/wait.ts';
import { ADMIN_TOKENS, askAdmin, peerPath } from '../admin.ts';

const scope = new Scope();
afterEach(() => scope.end());

const ADMIN = { CAUSEWAY_ADMIN_TOKENS: ADMIN_TOKENS };

async function setUp(env: Readonly<Record<string, string>> = {}) {
  const redis = scope.keep(await startRedis());
  const { relays } = scope.keep(await startCluster({ relays: 2, redis, env: { ...ADMIN, ...env } }));
  const [one, two] = relays;
  if (one === undefined || two === undefined) throw new Error('no relays');
  return { redis, one, two };
}

test('of two who change the same version one is told the present one, and nothing is lost', async () => {
  const { one, two } = await setUp();
  const put = (relay: typeof one, note: string) =>
    askAdmin(relay, 'PUT', '/admin/limits', { body: { version: 0, policy: {}, note } });
  const replies = await Promise.all([put(one, 'one'), put(two, 'two')]);
  expect(replies.map(({ status }) => status).sort()).toEqual([200, 409]);
  expect(replies.find(({ status }) => status === 409)?.body).toMatchObject({ code: 'conflict', version: 1 });
  const { body } = await askAdmin(one, 'GET', '/admin/limits/history');
  expect(body.versions).toHaveLength(1);
  const rollback = { body: { to: 1, version: 0 } };
  expect(await askAdmin(two, 'POST', '/admin/limits/rollback', rollback)).toMatchObject({ body: { version: 1 } });
  const unknown = { body: { to: 9, version: 1 } };
  expect(await askAdmin(two, 'POST', '/admin/limits/rollback', unknown)).toMatchObject({ status: 404 });
});

test('an error changes nothing, and is not in the audit trail', async () => {
  const { one } = await setUp();
  const policy = { realms: { acme: { realm: { messages: { perSecond: 0 } } } } };
  const bad = await askAdmin(one, 'PUT', '/admin/limits', { body: { version: 0, policy } });
  expect([bad.status, bad.body.problems.map(({ path }: { path: string }) => path)]).toEqual([
    400,
    ['policy.realms.acme.realm.messages.perSecond'],
  ]);
  const range = { body: { kind: 'address', range: '300.0.0.1' } };
  expect((await askAdmin(one, 'POST', '/admin/bans', range)).body.problems).toMatchObject([{ path: 'range' }]);
  const ban = { token: 'look', body: { kind: 'realm', realm: 'acme' } };
  expect((await askAdmin(one, 'POST', '/admin/bans', ban)).status).toBe(403);
  expect((await askAdmin(one, 'POST', '/admin/nodes/nobody/drain')).status).toBe(404);
  expect((await askAdmin(one, 'DELETE', '/admin/bans/nothing')).status).toBe(404);
  const paths = ['/admin/limits', '/admin/access', '/admin/audit'];
  const [limits, access, audit] = await Promise.all(paths.map((path) => askAdmin(one, 'GET', path)));
  expect([limits?.body.version, access?.body.version, audit?.body.entries]).toEqual([0, 0, []]);
});

test('who tries out tokens is turned away, on all nodes, with the right one, too', async () => {
  const { one, two } = await setUp({ CAUSEWAY_ATTEMPTS_FAILED_AUTH: '3/60/60' });
  const statuses: number[] = [];
  for (let guess = 0; guess < 5; guess += 1) {
    statuses.push((await askAdmin(one, 'GET', '/admin/nodes', { token: `guess-${guess}` })).status);
  }
  expect(statuses).toEqual([401, 401, 401, 429, 429]);
  for (const relay of [one, two]) expect((await askAdmin(relay, 'GET', '/admin/nodes')).status).toBe(429);
});

test('while Redis is away what needs it is 503, and the rest is answered', async () => {
  const { redis, one } = await setUp();
  expect((await askAdmin(one, 'GET', '/admin/access')).status).toBe(200);
  await redis.nodes[0]?.kill('SIGSTOP');
  const body = { version: 0, policy: {} };
  expect(await askAdmin(one, 'PUT', '/admin/limits', { body })).toMatchObject({
    status: 503,
    body: { code: 'unavailable' },
  });
  for (const path of ['/admin/access', '/admin/audit', '/admin/top', peerPath('x'), '/admin/reservations/default/x']) {
    expect((await askAdmin(one, 'GET', path)).status).toBe(503);
  }
  const { body: view } = await askAdmin(one, 'GET', '/admin/nodes');
  expect(view.nodes.find(({ self }: { self: boolean }) => self).load).toMatchObject({ lagMs: null });
  await redis.nodes[0]?.kill('SIGCONT');
  await waitFor(async () => (await askAdmin(one, 'GET', '/admin/access')).status === 200, { what: 'Redis is back' });
});
