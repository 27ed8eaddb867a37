import { setTimeout as sleep } from 'node:timers/promises';
import type { Rng } from '../../kit/rng.ts';
import { between, type Fault } from '../fault.ts';
import type { Party } from '../traffic.ts';
import { REDIS_KINDS, type World } from '../world.ts';

const MEAN_BYTES_TO_CUT = 10_000;
const HOP_EVERY_MS = 50;
const HOPS = 20;

/** About one in three, at least one. */
function some({ traffic: { parties } }: World, rng: Rng): Party[] {
  return rng.shuffle(parties).slice(0, Math.ceil(parties.length / 3));
}

const cutSockets: Fault = {
  name: 'cut-sockets',
  target: 'clients',
  redis: REDIS_KINDS,
  slowsClients: true,
  async inject({ traffic }, rng) {
    for (const { gate } of traffic.parties) gate.cutAfter(MEAN_BYTES_TO_CUT);
    await sleep(between(rng, 500, 1500));
    for (const { gate } of traffic.parties) gate.cutAfter(Number.POSITIVE_INFINITY);
  },
};

const hop: Fault = {
  name: 'hop',
  target: 'clients',
  redis: REDIS_KINDS,
  async inject(world, rng) {
    const parties = some(world, rng);
    for (let count = 0; count < HOPS; count++) {
      for (const { gate } of parties) gate.hop({ unseen: rng.chance(0.5) });
      await sleep(HOP_EVERY_MS);
    }
  },
};

const slowRecipients: Fault = {
  name: 'slow-recipients',
  target: 'clients',
  redis: REDIS_KINDS,
  slowsClients: true,
  async inject(world, rng) {
    const parties = some(world, rng);
    // Until some windows are full, or past the time after which a window is stored.
    const silentMs = between(rng, 200, 3000);
    const deaf = rng.chance(0.5);
    for (const { recorder, gate } of parties) deaf ? gate.freeze() : recorder.pause();
    await sleep(silentMs);
    for (const { recorder, gate } of parties) deaf ? gate.thaw() : recorder.resume();
  },
};

export const CLIENT_FAULTS: readonly Fault[] = [cutSockets, hop, slowRecipients];
