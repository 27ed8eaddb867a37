import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Cluster, Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { type RedisDeployment, startRedis, startRedisCluster, startSentinel } from '../kit/redis.ts';
import { waitFor } from '../kit/wait.ts';

let redis: RedisDeployment | undefined;

afterEach(async () => {
  const nodes = redis?.nodes ?? [];
  await redis?.stop();
  redis = undefined;
  expect(nodes.filter(({ pid, folder }) => isRunning(pid) || existsSync(folder))).toEqual([]);
});

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !execFileSync('ps', ['-o', 'stat=', '-p', String(pid)]).includes('Z');
}

function roles({ nodes }: RedisDeployment): string[] {
  return nodes.map(({ role }) => role);
}

describe('startRedis', () => {
  test('keeps nothing and evicts nothing', async () => {
    redis = await startRedis({ args: ['--maxmemory', '100mb'] });
    const [node] = redis.nodes;
    expect(redis.url).toBe(`redis://127.0.0.1:${node?.port}`);
    await node?.client.set('key', 'value');
    const [info] = await redis.info('memory');
    expect(info?.get('maxmemory_policy')).toBe('noeviction');
    expect(info?.get('maxmemory')).toBe(String(100 * 1024 * 1024));
    await redis.flush();
    expect(await node?.client.dbsize()).toBe(0);
  });

  test('a killed server comes back on its port, empty', async () => {
    redis = await startRedis();
    const [node] = redis.nodes;
    if (node === undefined) throw new Error('no node');
    await node.client.set('key', 'value');
    const { pid } = node;
    await node.kill();
    expect(node.isAlive()).toBe(false);
    await node.restart();
    expect(node.pid).not.toBe(pid);
    expect(await node.client.get('key')).toBeNull();
  });

  test('a server that cannot start says why', async () => {
    await expect(startRedis({ args: ['--no-such-setting', '1'] })).rejects.toThrow(/ended with 1 .*no-such-setting/s);
  });
});

describe('startRedisCluster', () => {
  test('is whole, reachable by its url, and fails over', async () => {
    redis = await startRedisCluster({ nodeTimeoutMs: 1000 });
    expect(roles(redis)).toEqual(['primary', 'primary', 'primary', 'replica', 'replica', 'replica']);
    const [, addresses] = /^redis\+cluster:\/\/(.+)$/.exec(redis.url) ?? [];
    const cluster = new Cluster(addresses?.split(',') ?? [], { redisOptions: { maxRetriesPerRequest: null } });
    try {
      await cluster.set('{a}key', 'value');
      await redis.flush();
      expect(await cluster.get('{a}key')).toBeNull();
      const [primary, , , ...replicas] = redis.nodes;
      await primary?.kill();
      await waitFor(() => anyIsMaster(replicas), { what: 'a replica is promoted', timeoutMs: 20_000 });
    } finally {
      cluster.disconnect();
    }
  });
});

async function anyIsMaster(nodes: RedisDeployment['nodes']): Promise<boolean> {
  const answers = await Promise.all(nodes.map(({ client }) => client.call('ROLE') as Promise<[string]>));
  return answers.some(([role]) => role === 'master');
}

describe('startSentinel', () => {
  test('the Sentinels agree, and fail over', async () => {
    redis = await startSentinel();
    expect(roles(redis)).toEqual(['primary', 'replica', 'sentinel', 'sentinel', 'sentinel']);
    const [, addresses, name] = /^redis\+sentinel:\/\/(.+)\/(.+)$/.exec(redis.url) ?? [];
    const sentinels = addresses?.split(',').map((address) => {
      const [host, port] = address.split(':') as [string, string];
      return { host, port: Number(port) };
    });
    const client = new Redis({ sentinels: sentinels ?? [], name: name ?? '', maxRetriesPerRequest: null });
    // The failover is the point: what ioredis says about the primary's end is no news.
    client.on('error', () => undefined);
    try {
      expect(await client.set('key', 'value')).toBe('OK');
      const [primary, replica] = redis.nodes;
      await primary?.kill();
      await waitFor(() => replica && anyIsMaster([replica]), { what: 'the replica is promoted', timeoutMs: 20_000 });
    } finally {
      client.disconnect();
    }
  });
});

test('servers end with the process that started them, however it ends', async () => {
  const kit = fileURLToPath(new URL('../kit/redis.ts', import.meta.url));
  const script = `
    const { startRedis } = await import(${JSON.stringify(kit)});
    const { nodes } = await startRedis();
    console.log(JSON.stringify({ pid: nodes[0].pid, folder: nodes[0].folder }));
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(owner.stdout, 'data')) as [Buffer];
  const { pid, folder } = JSON.parse(line.toString()) as { pid: number; folder: string };
  expect([isRunning(pid), existsSync(folder)]).toEqual([true, true]);
  owner.kill('SIGKILL');
  await waitFor(() => !isRunning(pid) && !existsSync(folder), { what: 'the orphaned server and its folder are gone' });
});
