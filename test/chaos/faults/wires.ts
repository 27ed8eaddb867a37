import { setTimeout as sleep } from 'node:timers/promises';
import type { Direction, TcpProxy } from '../../kit/proxy.ts';
import type { Rng } from '../../kit/rng.ts';
import { between, type Fault } from '../fault.ts';
import { LEASE_MS } from '../fleet.ts';

const MAX_DELAY_MS = 300;
/** Of each chunk of replies. */
const DROPPED = 0.05;
const HELD_REQUESTS_MS = 100;

/** Between one relay and Redis. */
function wire(name: string, breakIt: (proxy: TcpProxy, rng: Rng) => Promise<void>): Fault {
  return {
    name,
    target: 'redis',
    redis: ['standalone'],
    inject: ({ proxies }, rng) => breakIt(rng.pick(proxies), rng),
  };
}

/** Sometimes for so short that nobody notices, sometimes until the others declare the node dead. */
function blackHole(direction: Direction) {
  return async (proxy: TcpProxy, rng: Rng): Promise<void> => {
    proxy.pause(direction);
    await sleep(between(rng, 0.3 * LEASE_MS, 2 * LEASE_MS));
    proxy.resume(direction);
  };
}

async function delay(proxy: TcpProxy, rng: Rng): Promise<void> {
  for (let changes = between(rng, 3, 6); changes > 0; changes--) {
    proxy.delay(rng.int(MAX_DELAY_MS));
    await sleep(between(rng, 50, 300));
  }
  proxy.delay(0);
}

async function cut(proxy: TcpProxy, rng: Rng): Promise<void> {
  for (let cuts = between(rng, 3, 8); cuts > 0; cuts--) {
    proxy.cutAll();
    await sleep(between(rng, 20, 250));
  }
}

/** Bytes are lost, and then the connection is: replies to what was executed, and requests that never arrive. */
async function drop(proxy: TcpProxy, rng: Rng): Promise<void> {
  proxy.cutReplies({ probability: DROPPED, rng });
  await sleep(between(rng, 300, 800));
  proxy.cutReplies({ probability: 0, rng });
  proxy.pause('requests');
  await sleep(HELD_REQUESTS_MS);
  proxy.cutAll();
  proxy.resume('requests');
}

export const WIRE_FAULTS: readonly Fault[] = [
  wire('redis-delay', delay),
  wire('redis-cut', cut),
  wire('redis-drop', drop),
  wire('redis-blackhole-in', blackHole('replies')),
  wire('redis-blackhole-out', blackHole('requests')),
];
