import { needAlive, type RedisDeployment } from './redis-deployment.ts';
import type { RedisNode } from './redis-node.ts';
import { waitFor } from './wait.ts';

const MIGRATE_TIMEOUT_MS = 5000;
const KEYS_AT_ONCE = 100;

/** The slot of a key, as the server reckons it. */
export async function slotOf({ client }: RedisNode, key: string): Promise<number> {
  return (await client.call('CLUSTER', 'KEYSLOT', key)) as number;
}

async function idOf({ client }: RedisNode): Promise<string> {
  return (await client.call('CLUSTER', 'MYID')) as string;
}

/** This server's own line of CLUSTER NODES: whether it is a primary, and its slots as they stand there (`5`, `7-9`). */
async function self({ client }: RedisNode): Promise<{ readonly isPrimary: boolean; readonly slots: string[] }> {
  const lines = ((await client.call('CLUSTER', 'NODES')) as string).split('\n');
  const [, , flags = '', , , , , , ...slots] = (lines.find((line) => line.includes('myself')) ?? '').split(' ');
  return { isPrimary: flags.includes('master'), slots };
}

function holds(ranges: readonly string[], slot: number): boolean {
  return ranges.some((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    return slot >= first && slot <= last;
  });
}

/** The primary of the key's slot now, among these servers, all of which must answer. */
export async function primaryOf(nodes: readonly RedisNode[], key: string): Promise<RedisNode> {
  const slot = await slotOf(nodes[0] as RedisNode, key);
  return waitFor(
    async () => {
      const views = await Promise.all(nodes.map(self));
      return nodes.find((_, index) => views[index]?.isPrimary && holds(views[index].slots, slot)) ?? false;
    },
    { what: `slot ${slot} has a primary`, timeoutMs: 20_000 },
  );
}

/** From here on the source sends those who ask for keys that it has no more to the target (ASK). */
export async function beginMove(slot: number, from: RedisNode, to: RedisNode): Promise<void> {
  await to.client.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', await idOf(from));
  await from.client.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', await idOf(to));
}

/** Takes keys of the slot over, `count` at most. Returns how many. */
export async function moveKeys(slot: number, from: RedisNode, to: RedisNode, count = KEYS_AT_ONCE): Promise<number> {
  const keys = (await from.client.call('CLUSTER', 'GETKEYSINSLOT', slot, count)) as string[];
  if (keys.length === 0) return 0;
  await from.client.call('MIGRATE', to.host, to.port, '', 0, MIGRATE_TIMEOUT_MS, 'KEYS', ...keys);
  return keys.length;
}

/** Takes the rest of the keys over, and makes the target the slot's primary. */
export async function endMove(slot: number, from: RedisNode, to: RedisNode): Promise<void> {
  while ((await moveKeys(slot, from, to)) > 0);
  const id = await idOf(to);
  await to.client.call('CLUSTER', 'SETSLOT', slot, 'NODE', id);
  await from.client.call('CLUSTER', 'SETSLOT', slot, 'NODE', id);
}

export async function moveSlot(slot: number, from: RedisNode, to: RedisNode): Promise<void> {
  await beginMove(slot, from, to);
  await endMove(slot, from, to);
}

/** When every replica has all that its primary wrote. */
export async function untilInSync(redis: RedisDeployment): Promise<void> {
  needAlive(redis.nodes);
  await waitFor(async () => (await redis.info('replication')).every(isInSync), { what: 'the replicas are in sync' });
}

function isInSync(info: Map<string, string>): boolean {
  const replica = info.get('slave0');
  return replica === undefined || replica.includes(`offset=${info.get('master_repl_offset')},`);
}
