import type { RedisNode } from '../kit/redis.ts';

/** What is in Redis, by kind of key: `loc`, `mbox:meta`, `inbox`... */
export interface KeyCounts {
  readonly total: number;
  /** Names of keys without an end. */
  readonly lasting: readonly string[];
  readonly byKind: Readonly<Record<string, number>>;
}

const SCAN_COUNT = 500;

/** What follows the hash tag; the tag itself where nothing does. A peer id may hold braces, a kind never does. */
function kindOf(key: string): string {
  const kind = key.slice(key.lastIndexOf('}') + 2);
  return kind === '' ? 'nodes' : kind;
}

/** Looks at every key of every primary. */
export async function countKeys(primaries: readonly RedisNode[]): Promise<KeyCounts> {
  const lasting: string[] = [];
  const byKind: Record<string, number> = {};
  let total = 0;
  for (const { client } of primaries) {
    let cursor = '0';
    do {
      const [next, keys] = await client.scan(cursor, 'COUNT', SCAN_COUNT);
      cursor = next;
      const ttls = await Promise.all(keys.map((key) => client.pttl(key)));
      for (const [index, key] of keys.entries()) {
        total += 1;
        byKind[kindOf(key)] = (byKind[kindOf(key)] ?? 0) + 1;
        if (ttls[index] === -1) lasting.push(key);
      }
    } while (cursor !== '0');
  }
  return { total, lasting, byKind };
}
