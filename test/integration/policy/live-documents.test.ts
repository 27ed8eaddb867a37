import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { of } from '../../contract/fixtures.ts';
import { type RedisDeployment, startRedis, startRedisCluster, startSentinel } from '../../kit/redis.ts';
import { primaryOf } from '../../kit/redis-slots.ts';
import { Scope } from '../../kit/scope.ts';
import { type LiveNode, type LiveNodeOptions, policyText, startLiveNode, write } from './live-node.ts';

const WRITERS = 10;
const VERSIONS = 30;
const KEY = 'cw:{cfg}:documents';

let redis: RedisDeployment;
const scope = new Scope();
beforeAll(async () => {
  redis = await startRedisCluster();
});
afterAll(() => redis.stop());
beforeEach(() => redis.flush());
afterEach(() => scope.end());

const start = async (options?: LiveNodeOptions, url = redis.url) => scope.keep(await startLiveNode(url, options));

/** Ends the connections that are subscribed, on every server that runs. */
async function cutSubscribers({ nodes }: RedisDeployment): Promise<number> {
  const servers = nodes.filter((node) => node.role !== 'sentinel' && node.isAlive());
  const killed = await Promise.all(servers.map(({ client }) => client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')));
  return killed.reduce<number>((sum, count) => sum + Number(count), 0);
}

test('a change on one node is in force on another by its notice alone', async () => {
  const writer = await start();
  const other = await start({ still: true });
  await other.untilTold();
  for (let version = 0; version < 5; version++) {
    await write(writer, version);
    await Promise.all([other.until(version + 1), writer.until(version + 1)]);
  }
  expect(other.versions).toEqual([0, 1, 2, 3, 4, 5]);
  expect(other.policy()).toEqual(JSON.parse(policyText(5)));
});

test('a node that hears no notices sees every change by looking', async () => {
  const [writer, deaf] = [await start(), await start({ deaf: true })];
  await write(writer, 0);
  await deaf.until(1);
  await write(writer, 1);
  await deaf.until(2);
  expect(deaf.versions).toEqual([0, 1, 2]);
  expect(deaf.told).toEqual([]);
});

test('while connections of subscribers are cut again and again, changes come all the same, each once and in order', async () => {
  const nodes = [await start(), await start(), await start()];
  await Promise.all(nodes.map((node) => node.untilTold()));
  let isCutting = true;
  let cuts = 0;
  const cutting = (async () => {
    while (isCutting) cuts += await cutSubscribers(redis);
  })();
  for (let version = 0; version < 5; version++) {
    await write(nodes[0] as LiveNode, version);
    await Promise.all(nodes.map((node) => node.until(version + 1)));
  }
  isCutting = false;
  await cutting;
  expect(cuts).toBeGreaterThan(0);
  for (const { versions } of nodes) expect(versions).toEqual([0, 1, 2, 3, 4, 5]);
});

test.each([
  ['Cluster', () => Promise.resolve(redis)],
  ['standalone', async () => scope.keep(await startRedis())],
  ['Sentinel', async () => scope.keep(await startSentinel())],
])('%s: whose connection was cut is subscribed again', async (_, deploy) => {
  const deployment = await deploy();
  const node = await start({ still: true }, deployment.url);
  await node.untilTold();
  for (let cut = 0; cut < 3; cut++) {
    expect(await cutSubscribers(deployment)).toBeGreaterThan(0);
    await node.untilTold();
  }
  await write(node, 0);
  await node.until(1);
});

test('standalone: a server that hangs and comes back empty, or hangs only, tells again', async () => {
  const server = scope.keep(await startRedis());
  const node = await start({}, server.url);
  await node.untilTold();
  await write(node, 0);
  await node.until(1);
  const [only] = server.nodes;
  await only?.kill('SIGSTOP');
  const read = await node.store.documents.read('policy');
  expect(read).toEqual({ kind: 'unavailable', reason: expect.stringMatching(/timeout|no connection/) });
  await only?.kill('SIGCONT');
  await node.untilTold();
  await only?.restart();
  await node.untilTold();
  await node.until(0);
  expect(node.versions).toEqual([0, 1, 0]);
});

test('of writers on clients of their own one wins each version', async () => {
  const nodes = await Promise.all(Array.from({ length: WRITERS }, () => start()));
  const wins = nodes.map(() => 0);
  const race = async ({ store }: LiveNode, index: number) => {
    let expected = 0;
    while (expected < VERSIONS) {
      const change = { text: policyText(index + 1), by: String(index), note: String(expected + 1) };
      const reply = await store.documents.write('policy', expected, change);
      if (reply.kind === 'unavailable') throw new Error(reply.reason);
      if (reply.kind === 'written') wins[index] = (wins[index] as number) + 1;
      expected = reply.kind === 'written' ? reply.document.version : reply.version;
    }
  };
  await Promise.all(nodes.map(race));
  const last = of('versions', await (nodes[0] as LiveNode).store.documents.versions()).versions.policy;
  expect(wins.reduce((sum, count) => sum + count)).toBe(last);
  const { versions } = of('history', await (nodes[0] as LiveNode).store.documents.history('policy', 0, 1000));
  expect(versions.map(({ version, note }) => [version, note])).toEqual(
    Array.from({ length: last }, (_, index) => [last - index, String(last - index)]),
  );
  const winners = versions.map(({ by }) => Number(by));
  expect(nodes.map((_, index) => winners.filter((one) => one === index).length)).toEqual(wins);
  await Promise.all(nodes.map((node) => node.until(last)));
  for (const node of nodes) expect(node.policy()).toEqual(JSON.parse(versions[0]?.text as string));
});

test('of all versions the present one and a hundred earlier are kept', async () => {
  const node = await start();
  for (let version = 0; version < 120; version++) await write(node, version);
  const { versions } = of('history', await node.store.documents.history('policy', 0, 1000));
  expect(versions.map(({ version, text }) => [version, text])).toEqual(
    Array.from({ length: 101 }, (_, index) => [120 - index, policyText(120 - index)]),
  );
  const { client } = await primaryOf(redis.nodes, KEY);
  expect(await client.llen('cw:{cfg}:history:policy')).toBe(100);
});

test('an emptied store lifts what was in force, and what is written then counts', async () => {
  const [writer, other] = [await start(), await start()];
  await write(writer, 0);
  await write(writer, 1);
  await other.until(2);
  await redis.flush();
  await Promise.all([writer.until(0), other.until(0)]);
  expect([writer.policy(), other.policy()]).toEqual([null, null]);
  await write(writer, 0);
  await other.until(1);
});
