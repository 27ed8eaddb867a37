import type { RedisDeployment, RedisNode } from './redis.ts';

/** The primary that has the key. */
export async function holderOf({ nodes }: RedisDeployment, key: string): Promise<RedisNode> {
  const primaries = nodes.filter(({ role }) => role === 'primary');
  // The others answer that it has moved.
  const found = await Promise.all(primaries.map(({ client }) => client.exists(key).catch(() => 0)));
  const holder = primaries[found.indexOf(1)];
  if (holder === undefined) throw new Error(`no primary has ${key}`);
  return holder;
}
