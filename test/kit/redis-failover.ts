import type { RedisNode } from './redis-node.ts';
import { waitFor } from './wait.ts';

/** Generous: it bounds a failing test, it is no assertion about speed. */
const FAILOVER_TIMEOUT_MS = 30_000;

/** What a server says of itself. */
type Role =
  | readonly ['master', number, readonly (readonly [string, string, string])[]]
  | readonly ['slave', string, number, string];

async function roleOf({ client }: RedisNode): Promise<Role> {
  return (await client.call('ROLE')) as Role;
}

/** A primary and its replicas, of those that run. */
export interface Shard {
  readonly primary: RedisNode;
  readonly replicas: readonly RedisNode[];
}

/** The primaries as they are now, each with the replicas that are in sync with it. */
export async function shardsOf(nodes: readonly RedisNode[]): Promise<Shard[]> {
  const roles = await Promise.all(nodes.map(async (node) => ({ node, role: await roleOf(node) })));
  return roles.flatMap(({ node, role }) => {
    if (role[0] !== 'master') return [];
    const replicas = nodes.filter(({ port }) => role[2].some(([, one]) => Number(one) === port));
    return [{ primary: node, replicas }];
  });
}

/** Waits until each of so many primaries has a replica in sync, as a failover needs it. */
export async function untilReplicated(nodes: readonly RedisNode[], primaries: number): Promise<Shard[]> {
  return waitFor(
    async () => {
      const shards = await shardsOf(nodes);
      const whole = shards.length === primaries && shards.every(({ replicas }) => replicas.length > 0);
      const inSync = await Promise.all(
        shards.flatMap(({ replicas }) => replicas.map(async (replica) => (await roleOf(replica))[3] === 'connected')),
      );
      return whole && inSync.every(Boolean) ? shards : null;
    },
    { what: `${primaries} primaries have a replica in sync`, timeoutMs: FAILOVER_TIMEOUT_MS },
  );
}

/** Waits until one of the replicas has taken over. */
export async function untilPromoted({ replicas }: Shard): Promise<RedisNode> {
  return waitFor(
    async () => {
      const roles = await Promise.all(replicas.map(async (node) => ({ node, role: await roleOf(node) })));
      return roles.find(({ role }) => role[0] === 'master')?.node ?? null;
    },
    { what: 'a replica is promoted', timeoutMs: FAILOVER_TIMEOUT_MS },
  );
}
