import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisNode } from '../../kit/redis.ts';
import { untilPromoted, untilReplicated } from '../../kit/redis-failover.ts';
import { between, type Fault } from '../fault.ts';
import { LEASE_MS } from '../fleet.ts';
import { moveSlotInUse, slotsInUse } from '../slots.ts';
import type { RedisKind } from '../world.ts';

const REPLICATED: readonly RedisKind[] = ['replicated'];
/** One after another. */
const MOVED_SLOTS = 4;
const MAX_DOWN_MS = 500;

/** Too short for a failover. */
const redisPause: Fault = {
  name: 'redis-pause',
  target: 'redis',
  redis: ['cluster', 'standalone'],
  async inject({ redis }, rng) {
    const node: RedisNode = rng.pick(redis);
    await node.kill('SIGSTOP');
    await sleep(between(rng, 500, 1500));
    await node.kill('SIGCONT');
  },
};

const redisRestartEmpty: Fault = {
  name: 'redis-restart-empty',
  target: 'redis',
  redis: ['standalone'],
  async inject({ redis, wipes }, rng) {
    const node = redis[0] as RedisNode;
    const from = performance.now();
    await node.kill();
    await sleep(between(rng, 100, MAX_DOWN_MS));
    await node.restart();
    wipes.push({ from, to: performance.now() });
    // The next fault finds relays that publish again what they hold, or have done so.
    await sleep(rng.int(2 * LEASE_MS));
  },
};

const slotMigration: Fault = {
  name: 'slot-migration',
  target: 'redis',
  redis: ['cluster'],
  async inject({ redis }, rng) {
    const [from, to] = rng.shuffle(redis) as [RedisNode, RedisNode];
    const slots = rng.shuffle(await slotsInUse(from)).slice(0, MOVED_SLOTS);
    for (const slot of slots) await moveSlotInUse(slot, from, to);
  },
};

/** The old primary comes back, empty, as a replica of the one that took its place. */
const primaryKill: Fault = {
  name: 'primary-kill',
  target: 'redis',
  redis: REPLICATED,
  async inject({ redis }, rng) {
    const shard = rng.pick(await untilReplicated(redis, redis.length / 2));
    await shard.primary.kill();
    await untilPromoted(shard);
    await shard.primary.restart();
    await untilReplicated(redis, redis.length / 2);
  },
};

/** It hangs, is replaced, and goes on as if nothing had been. */
const primaryStop: Fault = {
  name: 'primary-stop',
  target: 'redis',
  redis: REPLICATED,
  async inject({ redis }, rng) {
    const shard = rng.pick(await untilReplicated(redis, redis.length / 2));
    await shard.primary.kill('SIGSTOP');
    try {
      await untilPromoted(shard);
    } finally {
      await shard.primary.kill('SIGCONT');
    }
    await untilReplicated(redis, redis.length / 2);
  },
};

export const REDIS_FAULTS: readonly Fault[] = [redisPause, redisRestartEmpty, slotMigration, primaryKill, primaryStop];
