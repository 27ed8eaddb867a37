import { setTimeout as sleep } from 'node:timers/promises';
import { FAKETIME_MISSING, fakeClock } from '../../kit/faketime.ts';
import { nodeOf } from '../../kit/observe.ts';
import { between, type Fault } from '../fault.ts';
import { LEASE_MS, RELAYS } from '../fleet.ts';
import { busiest } from '../load.ts';
import { REDIS_KINDS } from '../world.ts';

/** A supervisor takes a moment to start the next process. */
const MAX_DOWN_MS = 1000;
const SKEW_SECONDS = 30;

const rollingRestart: Fault = {
  name: 'rolling-restart',
  target: 'relays',
  redis: REDIS_KINDS,
  inARow: RELAYS,
  inject: ({ fleet }) => fleet.restartNext(),
};

function killing(name: string, whom: (load: ReturnType<typeof busiest>) => readonly number[]): Fault {
  return {
    name,
    target: 'relays',
    redis: REDIS_KINDS,
    async inject({ fleet, traffic }, rng) {
      const indexes = whom(busiest(traffic, fleet));
      await fleet.kill(indexes);
      await sleep(rng.int(MAX_DOWN_MS));
      await fleet.revive(indexes);
    },
  };
}

const killReaper: Fault = {
  name: 'kill-reaper',
  target: 'relays',
  redis: REDIS_KINDS,
  async inject({ fleet, traffic }) {
    const { sender: victim } = busiest(traffic, fleet);
    const reaping = fleet.untilLogged('reaping', await nodeOf(fleet.relay(victim)));
    await fleet.kill([victim]);
    const reaper = await reaping;
    await fleet.kill([reaper]);
    await fleet.revive([victim, reaper]);
  },
};

const stopNode: Fault = {
  name: 'stop-node',
  target: 'relays',
  redis: REDIS_KINDS,
  async inject({ fleet }, rng) {
    const relay = fleet.relay(rng.int(fleet.size));
    relay.kill('SIGSTOP');
    await sleep(between(rng, 1.2 * LEASE_MS, 2.5 * LEASE_MS));
    relay.kill('SIGCONT');
    // Until it has asked for its lease, been told that it is dead, and sent its clients away.
    await sleep(LEASE_MS / 2);
  },
};

/** Two relays whose clocks are 30 s apart: one is replaced by one that is ahead or behind, and that by one that is not. */
const clockSkew: Fault = {
  name: 'clock-skew',
  target: 'relays',
  redis: REDIS_KINDS,
  ...(FAKETIME_MISSING !== null && { missing: FAKETIME_MISSING }),
  async inject({ fleet }, rng) {
    const index = rng.int(fleet.size);
    await fleet.kill([index]);
    await fleet.revive([index], fakeClock(rng.chance(0.5) ? SKEW_SECONDS : -SKEW_SECONDS));
    await sleep(between(rng, 300, 1000));
    await fleet.kill([index]);
    await fleet.revive([index], fakeClock(0));
  },
};

export const RELAY_FAULTS: readonly Fault[] = [
  rollingRestart,
  killing('kill-sender', ({ sender }) => [sender]),
  killing('kill-recipient', ({ recipient }) => [recipient]),
  killing('kill-both', ({ pair }) => pair),
  killReaper,
  stopNode,
  clockSkew,
];
