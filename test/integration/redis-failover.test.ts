import { expect, test } from 'vitest';
import { Flow } from '../kit/flow.ts';
import { Reader } from '../kit/reader.ts';
import { type RedisNode, startRedisCluster } from '../kit/redis.ts';
import { primaryOf } from '../kit/redis-slots.ts';
import { waitFor } from '../kit/wait.ts';
import { numbered, outcomes, range, useCluster } from './fixture.ts';
import { CrossTraffic, untilAllReady, untilNotReady } from './redis-traffic.ts';

const RECIPIENTS = 30;
const MESSAGES = 400;

const cluster = useCluster({
  relays: 3,
  env: { CAUSEWAY_REDIS_MIN_REPLICAS: '1' },
  startRedis: () => startRedisCluster({ replicas: 1 }),
});
const alive = () => cluster.redis.nodes.filter((node) => node.isAlive());

/** Kills the primary of the key, and lets it come back as a replica when its own has been promoted. */
async function killPrimary(key: string): Promise<void> {
  const lost = await primaryOf(alive(), key);
  await lost.kill();
  await untilNotReady(cluster.relays, /./);
  await primaryOf(alive(), key);
  // Not before that: a server that comes back empty as a primary has lost everything.
  await lost.restart();
  const isReplica = async () => (await lost.client.info('replication')).includes('master_link_status:up');
  await waitFor(isReplica, { what: 'the lost server is a replica', timeoutMs: 30_000 });
  await untilAllReady(cluster.relays);
}

test('what was receipted as queued outlives the primary that had it, in order', async () => {
  await untilAllReady(cluster.relays);
  const flows = await Promise.all(
    range(1, RECIPIENTS).map((index) => {
      const payloads = numbered(MESSAGES);
      const url = cluster.url(index % 3);
      return cluster
        .keep(new Flow({ url, from: `sender-${index}`, to: `away-${index}`, payloads, window: 16 }))
        .start();
    }),
  );
  const stored = () => flows.reduce((sum, flow) => sum + flow.outcomes.size, 0);
  await waitFor(() => stored() > (RECIPIENTS * MESSAGES) / 4, { what: 'a quarter is stored' });
  // A primary without a replica stores nothing until it has one again.
  await killPrimary('cw:{p:default/away-1}:mbox');
  expect(flows.some(({ refusals }) => refusals > 0)).toBe(true);
  await Promise.all(flows.map((flow) => flow.finish()));

  for (const [index, flow] of flows.entries()) {
    const reader = cluster.keep(new Reader({ peer: `away-${index + 1}` }));
    await reader.connect(cluster.url(index % 3));
    await reader.until(MESSAGES);
    expect(reader.shown.map(({ id }) => id)).toEqual(range(1, MESSAGES));
    expect([flow.faults, reader.faults]).toEqual([[], []]);
    expect(flow.count('queued')).toBe(MESSAGES);
  }
});

test('nothing is receipted as queued that the replica does not have', async () => {
  const replicas = (await Promise.all(alive().map(async (node) => [node, await roleOf(node)] as const)))
    .filter(([, role]) => role === 'slave')
    .map(([node]) => node);
  const alice = await cluster.join(0, { peer: 'alice' });
  for (const replica of replicas) await replica.kill('SIGSTOP');
  expect(await outcomes(alice, alice.message('nobody', 'unsafe'))).toEqual(['unavailable']);
  for (const replica of replicas) await replica.kill('SIGCONT');
  await untilAllReady(cluster.relays);
  expect(await outcomes(alice, alice.message('nobody', 'safe', { flags: 4 }))).toEqual(['queued']);
});

async function roleOf({ client }: RedisNode): Promise<string> {
  const [role] = (await client.call('ROLE')) as [string];
  return role;
}

test('conversations across nodes outlive the loss of any primary', async () => {
  for (const key of ['cw:{nodes}', 'cw:{p:default/kill-reader-1}:loc']) {
    const traffic = await new CrossTraffic(cluster, 6, key.length > 12 ? 'one' : 'other').start();
    await killPrimary(key);
    await traffic.untilMore();
    await traffic.finish();
  }
});
