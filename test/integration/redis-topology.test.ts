import { beforeAll, expect, test } from 'vitest';
import { nodeOf } from '../kit/observe.ts';
import { connectPeer } from '../kit/peer.ts';
import { joinCluster, type RedisNode, startRedisCluster } from '../kit/redis.ts';
import { beginMove, endMove, moveKeys, moveSlot, primaryOf, slotOf, untilInSync } from '../kit/redis-slots.ts';
import { startRelay } from '../kit/relay.ts';
import { waitFor } from '../kit/wait.ts';
import { outcomes, useCluster } from './fixture.ts';
import { CrossTraffic, untilAllReady, untilNotReady } from './redis-traffic.ts';

const PAIRS = 6;

const cluster = useCluster({ relays: 3, startRedis: () => startRedisCluster({ replicas: 1 }) });
const alive = () => cluster.redis.nodes.filter((node) => node.isAlive());
const started = (name: string) => new CrossTraffic(cluster, PAIRS, name).start();

/** The keys of the first relay: its inbox. */
let inbox: string;
beforeAll(async () => {
  await untilAllReady(cluster.relays);
  inbox = `cw:{n:${await nodeOf(cluster.relays[0] as (typeof cluster.relays)[number])}}:inbox`;
});

async function isReplica({ client }: RedisNode): Promise<boolean> {
  return (await client.info('replication')).includes('master_link_status:up');
}

async function replicaOf(primary: RedisNode): Promise<RedisNode> {
  const replicas = await Promise.all(
    alive().map(async (node) =>
      (await node.client.info('replication')).includes(`master_port:${primary.port}`) ? [node] : [],
    ),
  );
  return replicas.flat()[0] as RedisNode;
}

test('slots move to another primary while their keys are in use', async () => {
  const traffic = await started('moved');
  for (const key of [inbox, 'cw:{nodes}', 'cw:{p:default/moved-reader-1}:loc']) {
    const from = await primaryOf(alive(), key);
    const others = alive().filter((node) => node !== from);
    const to = await primaryOf(alive(), (await keyElsewhere(others, from)) as string);
    const slot = await slotOf(from, key);
    await beginMove(slot, from, to);
    await traffic.untilMore();
    // Half of the keys are here, half of them there: scripts that need all of them have to wait.
    await moveKeys(slot, from, to, 1);
    if (key === inbox) await untilNotReady(cluster.relays, /probe/);
    await endMove(slot, from, to);
    await untilAllReady(cluster.relays);
    await traffic.untilMore();
  }
  await traffic.finish();
});

/** A key whose slot another server than this one has. */
async function keyElsewhere(nodes: readonly RedisNode[], not: RedisNode): Promise<string | undefined> {
  for (const name of 'abcdefgh') if ((await primaryOf([...nodes, not], name)) !== not) return name;
  return undefined;
}

test('a server joins, and slots are rebalanced onto it', async () => {
  const traffic = await started('joined');
  const added = cluster.keep(await joinCluster(cluster.redis));
  const nodes = await Promise.all(cluster.relays.map(nodeOf));
  const keys = [...nodes.map((node) => `cw:{n:${node}}:inbox`), 'cw:{nodes}', 'cw:{p:default/joined-reader-2}:loc'];
  for (const key of keys) await moveSlot(await slotOf(added, key), await primaryOf(alive(), key), added);
  await untilAllReady(cluster.relays);
  await traffic.untilMore();
  // It leaves again: its slots go back before it does.
  const back = await primaryOf(alive(), 'a');
  for (const key of keys) await moveSlot(await slotOf(added, key), added, back);
  await untilAllReady(cluster.relays);
  await traffic.finish();
});

test('a relay starts from a list of servers some of which are gone', async () => {
  const live = alive()[2] as RedisNode;
  const url = `redis+cluster://127.0.0.1:1,127.0.0.1:2,${live.host}:${live.port}`;
  const relay = cluster.keep(await startRelay({ redis: { url } }));
  await untilAllReady([relay]);
  const far = cluster.keep(await connectPeer({ url: relay.url, autoAck: true }));
  await far.hello({ peer: 'far' });
  const near = await cluster.join(0, { peer: 'near' });
  expect(await outcomes(near, near.message('far', 'hello'))).toEqual(['delivered']);
});

test('a primary hangs for longer than the cluster waits for it', async () => {
  const traffic = await started('hung');
  const hung = await primaryOf(alive(), inbox);
  const rest = alive().filter((node) => node !== hung);
  await hung.kill('SIGSTOP');
  await untilNotReady(cluster.relays, /probe|timeout|no connection/);
  await primaryOf(rest, inbox);
  await untilAllReady(cluster.relays);
  await traffic.untilMore();
  await hung.kill('SIGCONT');
  await waitFor(() => isReplica(hung), { what: 'what hung is a replica', timeoutMs: 30_000 });
  await untilAllReady(cluster.relays);
  await traffic.finish();
});

test('a replica that lacks the end of an inbox is promoted', async () => {
  await untilInSync(cluster.redis);
  const traffic = await started('behind');
  const gaps = await cluster.total('causeway_link_gaps_total');
  const lost = await primaryOf(alive(), inbox);
  const replica = await replicaOf(lost);
  await replica.kill('SIGSTOP');
  await lost.client.call('CLIENT', 'KILL', 'TYPE', 'replica');
  await traffic.untilMore(500);
  await lost.kill();
  await replica.kill('SIGCONT');
  await untilNotReady(cluster.relays, /./);
  await primaryOf(alive(), inbox);
  await untilAllReady(cluster.relays);
  await traffic.untilMore();
  await traffic.finish();
  // The links have sent again what was appended, and lost with the primary.
  expect(await cluster.total('causeway_link_gaps_total')).toBeGreaterThan(gaps);
  await lost.restart();
  await waitFor(() => isReplica(lost), { what: 'the lost server is a replica', timeoutMs: 30_000 });
});
