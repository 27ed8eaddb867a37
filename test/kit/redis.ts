import { freePort } from './ports.ts';
import { deployment, type RedisDeployment } from './redis-deployment.ts';
import { startRedisNode } from './redis-node.ts';

export { joinCluster, type RedisClusterOptions, startRedisCluster } from './redis-cluster.ts';
export type { RedisDeployment } from './redis-deployment.ts';
export type { RedisNode, RedisRole } from './redis-node.ts';
export { type SentinelOptions, startSentinel } from './redis-sentinel.ts';

/** A standalone server; `args` are added to its command line. */
export async function startRedis({ args = [] }: { readonly args?: readonly string[] } = {}): Promise<RedisDeployment> {
  const node = await startRedisNode({ port: await freePort(), role: 'primary', args });
  return deployment(`redis://${node.host}:${node.port}`, [node]);
}
