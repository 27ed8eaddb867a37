import { describe, expect, test } from 'vitest';
import { nodeOf } from '../../kit/observe.ts';
import { startRedisCluster } from '../../kit/redis.ts';
import type { Relay } from '../../kit/relay.ts';
import { ADMIN_TOKENS, askAdmin } from '../admin.ts';
import { useCluster } from '../fixture.ts';
import { joinLines, type LineClient, type LineRelay, startLineRelay } from './lines.ts';

const BURST = 40;

const cluster = useCluster({
  relays: 2,
  startRedis: startRedisCluster,
  env: { CAUSEWAY_ADMIN_TOKENS: ADMIN_TOKENS },
});
const node = (index: number) => cluster.relays[index] as Relay;

async function hello(relay: LineRelay, peer: string): Promise<LineClient> {
  const client = cluster.keep(joinLines(relay));
  client.say(`hello ${peer}`);
  expect(await client.next()).toBe('welcome');
  return client;
}

async function ask(client: LineClient, line: string): Promise<string> {
  client.say(line);
  return client.next();
}

async function limitRealm(realm: string): Promise<void> {
  const { body } = await askAdmin(node(0), 'GET', '/admin/limits');
  const limits = { messages: { perSecond: 0.001, burst: BURST } };
  const policy = { ...body.policy, realms: { ...body.policy.realms, [realm]: { realm: limits } } };
  const reply = await askAdmin(node(0), 'PUT', '/admin/limits', { body: { version: body.version, policy } });
  expect(reply).toMatchObject({ status: 200, body: { version: body.version + 1 } });
}

describe.each([
  ['one node', 'lines-a', [0, 0]],
  ['two nodes', 'lines-b', [0, 1]],
] as const)('two relays that are not ours, against %s', (_name, realm, [first, second]) => {
  test('see each other and the peers of the cluster', async () => {
    const one = cluster.keep(await startLineRelay('one', realm, node(first)));
    const two = cluster.keep(await startLineRelay('two', realm, node(second)));
    const alice = await hello(one, 'alice');
    const bob = await hello(two, 'b/o}b');
    expect(await ask(alice, 'send b/o}b hi')).toBe('elsewhere two');
    expect(await ask(bob, 'send alice hi')).toBe('elsewhere one');
    expect(await ask(alice, 'send nobody hi')).toBe('nowhere');

    const carol = await cluster.join(1, { peer: 'carol', realm });
    expect(await ask(alice, 'send carol hi')).toBe(`elsewhere ${await nodeOf(node(1))}`);

    const moved = await hello(one, 'b/o}b');
    expect(await bob.next()).toBe('replaced');
    await bob.closed;
    expect(await ask(alice, 'send b/o}b hi there')).toBe('ok');
    expect(await moved.next()).toBe('from alice hi there');

    // A node of the cluster takes the peer over as well: its epochs count with theirs.
    const native = await cluster.join(0, { peer: 'b/o}b', realm });
    expect(await moved.next()).toBe('replaced');
    expect(await ask(alice, 'send b/o}b hi')).toBe(`elsewhere ${await nodeOf(node(0))}`);
    native.close();
    carol.close();
  });

  test('share one limit', async () => {
    await limitRealm(`${realm}-limited`);
    const one = cluster.keep(await startLineRelay('one', `${realm}-limited`, node(first)));
    const two = cluster.keep(await startLineRelay('two', `${realm}-limited`, node(second)));
    const clients = [await hello(one, 'alice'), await hello(two, 'bob')] as const;
    const counts = { nowhere: 0, throttled: 0 };
    for (let round = 0; round < BURST; round += 1) {
      for (const client of clients) counts[(await ask(client, 'send nobody hi')) as keyof typeof counts] += 1;
    }
    expect(counts.nowhere + counts.throttled).toBe(2 * BURST);
    expect(counts.nowhere).toBeLessThanOrEqual(BURST + 1);
    expect(counts.nowhere).toBeGreaterThanOrEqual(BURST - 2);
  });
});
