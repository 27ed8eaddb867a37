import { setTimeout as sleep } from 'node:timers/promises';
import { between, type Fault } from './fault.ts';
import { CLIENT_FAULTS } from './faults/clients.ts';
import { REDIS_FAULTS } from './faults/redis.ts';
import { RELAY_FAULTS } from './faults/relays.ts';
import { WIRE_FAULTS } from './faults/wires.ts';
import { REDIS_KINDS } from './world.ts';

const SINGLE: readonly Fault[] = [...CLIENT_FAULTS, ...RELAY_FAULTS, ...REDIS_FAULTS, ...WIRE_FAULTS];
const MAX_LATER_MS = 500;

/** Two or three of the others at once, each with a target and a beginning of its own. */
const several: Fault = {
  name: 'several',
  target: 'redis',
  redis: REDIS_KINDS,
  slowsClients: true,
  // A drain cannot be finished while Redis is away; then the others reap what it leaves.
  explains: (record) => 'unsettled' in record,
  async inject(world, rng) {
    const possible = SINGLE.filter(({ redis, missing }) => redis.includes(world.kind) && missing === undefined);
    const targets = rng.shuffle(['clients', 'relays', 'redis'] as const).slice(0, between(rng, 2, 3));
    const chosen = targets.map((target) => rng.pick(possible.filter((fault) => fault.target === target)));
    await Promise.all(
      chosen.map(async (fault) => {
        const own = rng.fork();
        await sleep(own.int(MAX_LATER_MS));
        await fault.inject(world, own);
      }),
    );
  },
};

export const FAULTS: readonly Fault[] = [...SINGLE, several];
