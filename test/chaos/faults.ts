import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisNode } from '../kit/redis.ts';
import type { Rng } from '../kit/rng.ts';
import type { Party } from './traffic.ts';
import type { RedisKind, World } from './world.ts';

/** Something that goes wrong for a while, and is over when the promise resolves. */
export interface Fault {
  readonly name: string;
  /** Under which Redis it can be injected. */
  readonly redis: readonly RedisKind[];
  inject(world: World, rng: Rng): Promise<void>;
}

const BOTH: readonly RedisKind[] = ['cluster', 'standalone'];
const MEAN_BYTES_TO_CUT = 25_000;
const HOP_EVERY_MS = 50;
const HOPS = 20;
/** Of each chunk of replies. */
const CUT_REPLIES = 0.03;
const MAX_DELAY_MS = 300;

/** Whole milliseconds. */
function between(rng: Rng, from: number, to: number): number {
  return from + rng.int(to - from + 1);
}

/** About one in three, at least one. */
function some(world: World, rng: Rng): Party[] {
  const { parties } = world.traffic;
  return rng.shuffle(parties).slice(0, Math.ceil(parties.length / 3));
}

const cutSockets: Fault = {
  name: 'cut-sockets',
  redis: BOTH,
  async inject({ traffic }, rng) {
    for (const { gate } of traffic.parties) gate.cutAfter(MEAN_BYTES_TO_CUT);
    await sleep(between(rng, 500, 1500));
    for (const { gate } of traffic.parties) gate.cutAfter(Number.POSITIVE_INFINITY);
  },
};

const hop: Fault = {
  name: 'hop',
  redis: BOTH,
  async inject(world, rng) {
    const parties = some(world, rng);
    for (let count = 0; count < HOPS; count++) {
      for (const { gate } of parties) gate.hop({ unseen: rng.chance(0.5) });
      await sleep(HOP_EVERY_MS);
    }
  },
};

const rollingRestart: Fault = {
  name: 'rolling-restart',
  redis: BOTH,
  async inject({ fleet }) {
    for (let index = 0; index < fleet.size; index++) await fleet.restart(index);
  },
};

const slowRecipients: Fault = {
  name: 'slow-recipients',
  redis: BOTH,
  async inject(world, rng) {
    const parties = some(world, rng);
    // Until some windows are full, or past the time after which a window is stored.
    const silentMs = between(rng, 200, 3500);
    const deaf = rng.chance(0.5);
    for (const { recorder, gate } of parties) deaf ? gate.freeze() : recorder.pause();
    await sleep(silentMs);
    for (const { recorder, gate } of parties) deaf ? gate.thaw() : recorder.resume();
  },
};

const redisPause: Fault = {
  name: 'redis-pause',
  redis: BOTH,
  async inject({ redis }, rng) {
    const node: RedisNode = rng.pick(redis);
    await node.kill('SIGSTOP');
    await sleep(between(rng, 500, 1500));
    await node.kill('SIGCONT');
  },
};

const redisCut: Fault = {
  name: 'redis-cut',
  redis: ['standalone'],
  async inject({ proxy }, rng) {
    proxy?.cutReplies({ probability: CUT_REPLIES, rng });
    await sleep(between(rng, 500, 1500));
    proxy?.cutReplies({ probability: 0, rng });
  },
};

const redisDelay: Fault = {
  name: 'redis-delay',
  redis: ['standalone'],
  async inject({ proxy }, rng) {
    for (let changes = between(rng, 3, 6); changes > 0; changes--) {
      proxy?.delay(rng.int(MAX_DELAY_MS));
      await sleep(between(rng, 50, 400));
    }
    proxy?.delay(0);
  },
};

const SINGLE: readonly Fault[] = [cutSockets, hop, rollingRestart, slowRecipients, redisPause, redisCut, redisDelay];

/** Two or three of the others at once, each with a beginning of its own. */
const several: Fault = {
  name: 'several',
  redis: BOTH,
  async inject(world, rng) {
    const kind: RedisKind = world.proxy === null ? 'cluster' : 'standalone';
    const chosen = rng.shuffle(SINGLE.filter(({ redis }) => redis.includes(kind))).slice(0, between(rng, 2, 3));
    await Promise.all(
      chosen.map(async (fault) => {
        const own = rng.fork();
        await sleep(own.int(500));
        await fault.inject(world, own);
      }),
    );
  },
};

export const FAULTS: readonly Fault[] = [...SINGLE, several];
