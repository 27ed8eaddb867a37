import { afterEach, expect, test } from 'vitest';
import { of } from '../../contract/fixtures.ts';
import { type RedisDeployment, type RedisNode, startRedisCluster } from '../../kit/redis.ts';
import { primaryOf, untilInSync } from '../../kit/redis-slots.ts';
import { Scope } from '../../kit/scope.ts';
import { waitFor } from '../../kit/wait.ts';
import { startLiveNode, write } from './live-node.ts';

const KEY = 'cw:{cfg}:documents';

const scope = new Scope();
afterEach(() => scope.end());

/** The servers that a node is subscribed at. */
async function subscribedAt(redis: RedisDeployment): Promise<RedisNode[]> {
  const lists = await Promise.all(
    redis.nodes.map(async (node) => ({ node, list: await node.client.call('CLIENT', 'LIST', 'TYPE', 'pubsub') })),
  );
  return lists.filter(({ list }) => list !== '').map(({ node }) => node);
}

test('the documents outlive the loss of their primary, and changes go on', async () => {
  const redis = scope.keep(await startRedisCluster());
  const [writer, other] = [scope.keep(await startLiveNode(redis.url)), scope.keep(await startLiveNode(redis.url))];
  await Promise.all([writer.untilTold(), other.untilTold()]);
  await write(writer, 0);
  await other.until(1);
  await untilInSync(redis);
  const lost = await primaryOf(redis.nodes, KEY);
  await lost.kill();
  await primaryOf(
    redis.nodes.filter((node) => node.isAlive()),
    KEY,
  );
  const readable = async () => (await writer.store.documents.read('policy')).kind === 'document';
  await waitFor(readable, { what: 'the policy can be read', timeoutMs: 30_000 });
  await write(writer, 1);
  await Promise.all([writer.until(2), other.until(2)]);
  await Promise.all([writer.untilTold(), other.untilTold()]);
  for (const { versions } of [writer, other]) expect(versions).toEqual([0, 1, 2]);
  expect(of('history', await other.store.documents.history('policy', 0, 1000)).versions).toHaveLength(2);
});

test('whose subscription hangs with a server is subscribed at another one', async () => {
  // The others do not miss it as long as this lasts.
  const redis = scope.keep(await startRedisCluster({ nodeTimeoutMs: 120_000 }));
  const node = scope.keep(await startLiveNode(redis.url, { still: true }));
  await node.untilTold();
  const hung = await subscribedAt(redis);
  expect(hung).toHaveLength(1);
  await hung[0]?.kill('SIGSTOP');
  await node.untilTold();
  await hung[0]?.kill('SIGCONT');
});
