import { freePorts } from './ports.ts';
import { deployment, needAlive, type RedisDeployment } from './redis-deployment.ts';
import { type RedisNode, startRedisNode } from './redis-node.ts';
import { startAll, stopAll } from './start-all.ts';
import { waitFor } from './wait.ts';

const MASTER_NAME = 'mymaster';
const AGREE_TIMEOUT_MS = 20_000;

export interface SentinelOptions {
  readonly replicas?: number;
  readonly sentinels?: number;
  /** `down-after-milliseconds`: a primary that is away for so long is failed over. */
  readonly downAfterMs?: number;
  readonly args?: readonly string[];
}

function sentinelConfig(primaryPort: number, sentinels: number, downAfterMs: number): string[] {
  const quorum = Math.floor(sentinels / 2) + 1;
  return [
    `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${primaryPort} ${quorum}`,
    `sentinel down-after-milliseconds ${MASTER_NAME} ${downAfterMs}`,
    `sentinel failover-timeout ${MASTER_NAME} ${10 * downAfterMs}`,
    `sentinel parallel-syncs ${MASTER_NAME} 1`,
  ];
}

async function startServers(ports: readonly number[], args: readonly string[]): Promise<RedisNode[]> {
  const primaryPort = ports[0] as number;
  return startAll(
    ports.map((port, index) =>
      index === 0
        ? startRedisNode({ port, role: 'primary', args })
        : startRedisNode({ port, role: 'replica', args: ['--replicaof', `127.0.0.1 ${primaryPort}`, ...args] }),
    ),
  );
}

async function startSentinels(ports: readonly number[], config: readonly string[]): Promise<RedisNode[]> {
  return startAll(ports.map((port) => startRedisNode({ port, role: 'sentinel', config })));
}

/** What a Sentinel says about the primary: alternating names and values. */
async function view(sentinel: RedisNode): Promise<Map<string, string>> {
  const flat = (await sentinel.client.call('SENTINEL', 'MASTER', MASTER_NAME)) as string[];
  return new Map(flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1] as string] as const] : [])));
}

async function agree(sentinels: readonly RedisNode[], replicas: number): Promise<boolean> {
  needAlive(sentinels);
  const views = await Promise.all(sentinels.map(view));
  return views.every(
    (seen) =>
      seen.get('flags') === 'master' &&
      seen.get('num-slaves') === String(replicas) &&
      seen.get('num-other-sentinels') === String(sentinels.length - 1),
  );
}

/** A primary with replicas under Sentinel, returned when every Sentinel sees all of them and all other Sentinels. */
export async function startSentinel(options: SentinelOptions = {}): Promise<RedisDeployment> {
  const { replicas = 1, sentinels: sentinelCount = 3, downAfterMs = 1000, args = [] } = options;
  const ports = await freePorts(1 + replicas + sentinelCount);
  const servers = await startServers(ports.slice(0, 1 + replicas), args);
  const nodes = [...servers];
  try {
    await waitFor(async () => (await connectedReplicas(servers)) === replicas, { what: 'the replicas are in sync' });
    const config = sentinelConfig(ports[0] as number, sentinelCount, downAfterMs);
    const sentinels = await startSentinels(ports.slice(1 + replicas), config);
    nodes.push(...sentinels);
    await waitFor(() => agree(sentinels, replicas), { what: 'the Sentinels agree', timeoutMs: AGREE_TIMEOUT_MS });
    const addresses = sentinels.map(({ host, port }) => `${host}:${port}`);
    return deployment(`redis+sentinel://${addresses.join(',')}/${MASTER_NAME}`, nodes);
  } catch (error) {
    await stopAll(nodes);
    throw error;
  }
}

async function connectedReplicas(servers: readonly RedisNode[]): Promise<number> {
  needAlive(servers);
  const [, , replicas] = (await (servers[0] as RedisNode).client.call('ROLE')) as [string, number, unknown[]];
  return replicas.length;
}
