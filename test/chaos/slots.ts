import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisNode } from '../kit/redis.ts';
import { beginMove, endMove, moveKeys } from '../kit/redis-slots.ts';

/** So few at a time that clients meet slots of which one part has moved. */
const KEYS_AT_ONCE = 2;
const BETWEEN_KEYS_MS = 20;

/** The slots of a primary that hold keys. */
export async function slotsInUse({ client }: RedisNode): Promise<number[]> {
  const keys = await client.keys('*');
  const slots = await Promise.all(keys.map((key) => client.call('CLUSTER', 'KEYSLOT', key) as Promise<number>));
  return [...new Set(slots)];
}

/** Moves a slot bit by bit from one primary to another, in the order in which redis-cli does, while it is in use. */
export async function moveSlotInUse(slot: number, from: RedisNode, to: RedisNode): Promise<void> {
  await beginMove(slot, from, to);
  do await sleep(BETWEEN_KEYS_MS);
  while ((await moveKeys(slot, from, to, KEYS_AT_ONCE)) > 0);
  await endMove(slot, from, to);
}
