import { afterEach, describe, expect, test } from 'vitest';
import { nodeOf } from '../kit/observe.ts';
import { joinPeer } from '../kit/peer.ts';
import { type RedisDeployment, startRedis, startRedisCluster } from '../kit/redis.ts';
import { type Relay, startRelay } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';
import { waitFor } from '../kit/wait.ts';
import { ADMIN_TOKENS, askAdmin } from './admin.ts';
import { outcomes } from './fixture.ts';

const scope = new Scope();
afterEach(() => scope.end());

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly expected: number;
  readonly actual: number;
  readonly detail: string;
}

/** Two relays with a peer each that have dealt with each other, and something in a mailbox. */
async function setUp(start: () => Promise<RedisDeployment>) {
  const redis = scope.keep(await start());
  const env = { CAUSEWAY_ADMIN_TOKENS: ADMIN_TOKENS, CAUSEWAY_ACK_TIMEOUT_MS: '60000' };
  const [relay, far] = [scope.keep(await startRelay({ redis, env })), scope.keep(await startRelay({ redis, env }))];
  const alice = scope.keep(await joinPeer({ url: relay.url, autoAck: true }, { peer: 'alice' }));
  const bob = scope.keep(await joinPeer({ url: far.url, autoAck: true }, { peer: 'b}o{b' }));
  alice.send({ type: 'watch', peers: [] });
  expect(await outcomes(alice, alice.message('b}o{b', 'hello'), alice.message('nobody', 'later'))).toEqual([
    'delivered',
    'queued',
  ]);
  expect(await outcomes(bob, bob.message('alice', 'hello'))).toEqual(['delivered']);
  return { redis, relay, far, bob };
}

async function report(relay: Relay): Promise<{ ok: boolean; checks: Check[] }> {
  const { status, body } = await askAdmin(relay, 'GET', '/admin/consistency', { token: 'look' });
  expect(status).toBe(200);
  return body as unknown as { ok: boolean; checks: Check[] };
}

/** The checks that fail. */
async function faults(relay: Relay): Promise<Check[]> {
  const { ok, checks } = await report(relay);
  const failing = checks.filter((check) => !check.ok);
  expect(ok).toBe(failing.length === 0);
  return failing;
}

describe.each([
  ['one Redis', startRedis],
  ['a Redis Cluster', startRedisCluster],
] as const)('relays over %s', (_name, start) => {
  test('are consistent, and every check has looked at something', async () => {
    const { relay, far } = await setUp(start);
    for (const one of [relay, far]) {
      const { ok, checks } = await report(one);
      expect(checks.filter((check) => !check.ok)).toEqual([]);
      expect(ok).toBe(true);
      const numbers = Object.fromEntries(checks.map(({ name, expected }) => [name, expected]));
      expect(numbers).toMatchObject({ connections: 1, registrations: 1, locations: 1, stored_locations: 1 });
      const looked = /^(\d+) keys/.exec(checks.find(({ name }) => name === 'lasting_keys')?.detail ?? '')?.[1];
      expect(Number(looked)).toBeGreaterThan(5);
    }
  });
});

test('what is wrong in Redis is found and named', async () => {
  const { redis, relay, bob } = await setUp(startRedis);
  const client = redis.nodes[0]?.client;
  if (client === undefined) throw new Error('no Redis');
  const node = await nodeOf(relay);

  await client.set('cw:left-behind', '1');
  await client.set('elsewhere', 'of another program');
  const [lasting, ...others] = await faults(relay);
  expect(lasting).toMatchObject({ name: 'lasting_keys', expected: 0, actual: 1 });
  expect([lasting?.detail, others]).toEqual([expect.stringContaining('cw:left-behind'), []]);
  await client.del('cw:left-behind');

  // What a dead node leaves until it is reaped may last; what is of no node that is known may not.
  await client.hset('cw:{n:nobody}:state', 's', 'open');
  expect((await faults(relay))[0]?.detail).toContain('cw:{n:nobody}:state');
  await client.del('cw:{n:nobody}:state');

  // An empty inbox sets its account right; this message stays in it, because nobody acknowledges it.
  const silent = scope.keep(await joinPeer({ url: relay.url }, { peer: 'silent' }));
  bob.message('silent', 'hello');
  await silent.next('deliver');
  await client.hincrby(`cw:{n:${node}}:state`, 'bytes', 7);
  const [account] = await faults(relay);
  expect(account).toMatchObject({ name: 'inbox_bytes', actual: (account?.expected ?? 0) + 7 });
  await client.hincrby(`cw:{n:${node}}:state`, 'bytes', -7);

  const location = 'cw:{p:default/alice}:loc';
  const epoch = await client.hget(location, 'epoch');
  await client.hset(location, 'epoch', String(Number(epoch) + 1));
  expect((await faults(relay)).map(({ name }) => name)).toEqual(['locations', 'stored_locations']);
  await client.hset(location, 'epoch', String(epoch));
  await waitFor(async () => (await report(relay)).ok, { what: 'all is as before' });
});

test('what cannot be checked is not called consistent', async () => {
  const { redis, relay } = await setUp(startRedis);
  await redis.nodes[0]?.kill('SIGSTOP');
  const found = await faults(relay);
  await redis.nodes[0]?.kill('SIGCONT');
  expect(found.map(({ name }) => name)).toEqual(['inbox_bytes', 'locations', 'stored_locations', 'lasting_keys']);
  for (const { detail } of found) expect(detail).toContain('not checked: ');
});
