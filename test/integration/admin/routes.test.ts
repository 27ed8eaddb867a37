import { afterEach, describe, expect, test } from 'vitest';
import { nodeOf } from '../../kit/observe.ts';
import { joinPeer } from '../../kit/peer.ts';
import { startRedisCluster } from '../../kit/redis.ts';
import { type Relay, startCluster, startRelay } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import { waitFor } from '../../kit/wait.ts';
import { ADMIN_TOKENS, type AdminAnswer, type AdminQuestion, askAdmin } from '../admin.ts';
import { DESCRIPTION } from '../admin-description.ts';
import { outcomes } from '../fixture.ts';

const scope = new Scope();
afterEach(() => scope.end());

const env = { CAUSEWAY_ADMIN_TOKENS: ADMIN_TOKENS };
const FAST = { perSecond: 1e6 };

async function embedded(): Promise<Relay[]> {
  return [scope.keep(await startRelay({ env }))];
}

async function three(): Promise<Relay[]> {
  const redis = scope.keep(await startRedisCluster());
  return [...scope.keep(await startCluster({ relays: 3, redis, env })).relays];
}

type Ask = (
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: object,
  values?: Readonly<Record<string, string>>,
) => Promise<AdminAnswer>;

/** Asks all relays in turn; `values` stand for the path's parameters. Notes what was answered well. */
function asker(relays: readonly Relay[]): { readonly ask: Ask; readonly asked: Set<string> } {
  const asked = new Set<string>();
  let turn = 0;
  return {
    asked,
    async ask(method, path, body, values = {}) {
      turn += 1;
      const question: AdminQuestion = { token: 'all', ...(body && { body }) };
      const actual = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] as string);
      const answer = await askAdmin(relays[turn % relays.length] as Relay, method, actual, question);
      if (answer.status < 300) asked.add(`${method} ${path.replace(/\?.*/, '')}`);
      return answer;
    },
  };
}

async function askOfNodes(ask: Ask, relays: readonly Relay[]): Promise<void> {
  const nodes = async () => (await ask('GET', '/admin/nodes')).body.nodes;
  for (const relay of relays) {
    // A node hears of those that came after it with the next renewal of its lease.
    const all = async () => (await askAdmin(relay, 'GET', '/admin/nodes')).body.nodes.length === relays.length;
    await waitFor(all, { what: 'the nodes know of each other' });
    const views = await nodes();
    expect(views.filter(({ self }: { self: boolean }) => self)).toHaveLength(1);
    for (const { load, connections, state } of views) {
      expect([load?.connections, load?.lagMs, state]).toEqual([connections, expect.any(Number), 'live']);
    }
  }
  await ask('GET', '/admin/consistency');
  expect((await ask('POST', '/admin/rebalance')).body.sentAway).toBe(0);
}

async function askOfPeers(ask: Ask, relay: Relay): Promise<void> {
  const alice = scope.keep(await joinPeer({ url: relay.url, autoAck: true }, { peer: 'p1' }));
  expect(await outcomes(alice, alice.message('p2', 'hello'))).toEqual(['queued']);
  const path = '/admin/peers/{realm}/{peer}';
  const values = { realm: 'default', peer: 'p1' };
  expect((await ask('GET', path, undefined, values)).body).toMatchObject({ online: true, mailbox: { messages: 0 } });
  expect((await ask('DELETE', `${path}/mailbox`, undefined, { ...values, peer: 'p2' })).body.messages).toBe(1);
  await ask('POST', `${path}/disconnect`, {}, values);
  await ask('DELETE', path, undefined, values);
}

async function askOfAccess(ask: Ask): Promise<void> {
  const lists = [
    ['/admin/bans', { kind: 'address', range: '192.0.2.0/24', seconds: 60, reason: 'r' }],
    ['/admin/allow-lists', { kind: 'peer', realm: 'other', peer: 'x' }],
    ['/admin/revocations', { kind: 'token', token: 'jti-1' }],
  ] as const;
  for (const [index, [path, body]] of lists.entries()) {
    const added = await ask('POST', path, body);
    expect([added.status, added.body.version]).toEqual([201, index * 2 + 1]);
    const { bans, allow, revocations } = (await ask('GET', '/admin/access')).body;
    const { seconds, ...rest } = { seconds: undefined, reason: '', ...body };
    const until = seconds === undefined ? null : expect.any(Number);
    const entry = { ...rest, id: added.body.id, at: expect.any(Number), until };
    expect([...bans, ...allow, ...revocations]).toEqual([entry]);
    const removed = await ask('DELETE', `${path}/{id}`, undefined, { id: added.body.id });
    expect(removed.body.version).toBe(index * 2 + 2);
  }
}

async function askOfLimits(ask: Ask, relays: readonly Relay[]): Promise<void> {
  await ask('PUT', '/admin/limits', { version: 0, policy: { cluster: { messages: FAST } } });
  await ask('PUT', '/admin/limits', { version: 1, policy: {}, note: 'none' });
  await ask('POST', '/admin/limits/rollback', { to: 1, version: 2 });
  expect((await ask('GET', '/admin/limits')).body).toMatchObject({ version: 3, note: 'back to version 1' });
  const { body } = await ask('GET', '/admin/limits/history');
  expect(body.versions.map(({ version }: { version: number }) => version)).toEqual([3, 2, 1]);
  for (const relay of relays) {
    const inForce = async () => {
      const { body } = await askAdmin(relay, 'GET', '/admin/limits/effective?realm=default&peer=p1');
      return body.cluster.messages?.perSecond === FAST.perSecond;
    };
    await waitFor(inForce, { what: 'the policy is in force' });
  }
  await ask('GET', '/admin/limits/effective?realm=default');
}

async function askOfTheRest(ask: Ask): Promise<void> {
  await ask('GET', '/admin/usage');
  const csv = await ask('GET', '/admin/usage?format=csv&peers=true&from=2026-01-01T00:00:00Z&to=1767312000000');
  expect(csv.body).toMatch(/^realm,hour,/);
  await ask('GET', '/admin/top?count=5');
  expect((await ask('POST', '/admin/allow', { realm: 'default', peer: 'p1' })).body).toEqual({ allowed: true });
  const path = '/admin/reservations/{realm}/{peer}';
  const values = { realm: 'default', peer: 'p4' };
  await ask('PUT', path, { holder: 'elsewhere', ttlMs: 60_000, epoch: 5 }, values);
  expect((await ask('GET', path, undefined, values)).body).toMatchObject({ holder: 'elsewhere', native: false });
  await ask('DELETE', `${path}?epoch=5`, undefined, values);
}

const ACTIONS = [
  ...['mailbox.purge', 'peer.disconnect', 'peer.erase'],
  ...['ban.add', 'ban.remove', 'allow.add', 'allow.remove', 'revocation.add', 'revocation.remove'],
  ...['limits.set', 'limits.set', 'limits.rollback'],
];

describe.each([
  ['a relay by itself', embedded],
  ['three relays over a Redis Cluster', three],
] as const)('%s', (_name, start) => {
  test('answers everything as its description says, and notes each change', async () => {
    const relays = await start();
    const { ask, asked } = asker(relays);
    const response = await fetch(`${relays[0]?.adminUrl}/admin/openapi.json`);
    expect(await response.json()).toEqual(DESCRIPTION);
    await askOfNodes(ask, relays);
    await askOfPeers(ask, relays[0] as Relay);
    await askOfAccess(ask);
    await askOfLimits(ask, relays);
    await askOfTheRest(ask);

    const { entries } = (await ask('GET', '/admin/audit')).body;
    expect(entries.map(({ action }: { action: string }) => action).reverse()).toEqual(ACTIONS);
    for (const { by, at } of entries)
      expect([by, at]).toEqual([expect.stringMatching(/^admin:[0-9a-f]{6}$/), expect.any(Number)]);

    const last = relays.at(-1) as Relay;
    const node = await nodeOf(last);
    await ask('POST', '/admin/nodes/{node}/rebalance', {}, { node });
    await ask('POST', '/admin/nodes/{node}/drain', undefined, { node });
    expect(await last.exited).toBe(0);
    const described = Object.entries((DESCRIPTION as { paths: Record<string, object> }).paths).flatMap(
      ([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    // The other name of a drain, which ends the relay that is asked.
    expect(described.filter((route) => !asked.has(route))).toEqual(['POST /admin/drain']);
  });
});
