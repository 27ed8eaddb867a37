import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { complaints } from '../../kit/observe.ts';
import type { Hello, PeerOptions } from '../../kit/peer.ts';
import { type RedisClusterOptions, type RedisDeployment, startRedisCluster } from '../../kit/redis.ts';
import { type Env, type Relay, startCluster, startRelay } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import type { KitTunnel, TunnelOptions } from '../../kit/tunnel.ts';
import { TunnelPeer } from '../../kit/tunnel-peer.ts';

export const MIB = 1024 * 1024;

export interface Relays {
  readonly relays: readonly Relay[];
  /** Null for one relay by itself. */
  readonly redis: RedisDeployment | null;
  /** Relays are counted round and round, so that a test runs with one as well as with three. */
  relay(index: number): Relay;
  join(relay: number, hello: Hello, options?: TunnelOptions, peer?: Partial<PeerOptions>): Promise<TunnelPeer>;
  /** Has it stopped behind the present test. */
  keep: Scope['keep'];
}

/** Where tunnels are tested: everything on one relay, and everything between relays. */
export const FORMS = [
  ['one relay without Redis', false],
  ['three relays over a Redis Cluster', true],
] as const;

/** Relays for all tests of a file. At the end each must drain, and none may have logged an error. */
export function useRelays(isCluster: boolean, env: Env = {}, options: RedisClusterOptions = { replicas: 0 }): Relays {
  const servers = new Scope();
  const scope = new Scope();
  let relays: readonly Relay[] = [];
  let redis: RedisDeployment | null = null;
  beforeAll(async () => {
    if (!isCluster) {
      relays = [servers.keep(await startRelay({ env }))];
      return;
    }
    redis = servers.keep(await startRedisCluster(options));
    relays = servers.keep(await startCluster({ relays: 3, redis, env })).relays;
  });
  afterEach(() => scope.end());
  afterAll(async () => {
    const codes = await Promise.all(relays.map((relay) => relay.stop()));
    await servers.end();
    expect(relays.flatMap(complaints)).toEqual([]);
    expect(codes).toEqual(relays.map(() => 0));
  });

  const self: Relays = {
    get relays() {
      return relays;
    },
    get redis() {
      return redis;
    },
    relay: (index) => relays[index % relays.length] as Relay,
    join: async (relay, hello, rest, peer) =>
      scope.keep(await TunnelPeer.join({ url: self.relay(relay).url, ...peer }, hello, rest)),
    keep: (started) => scope.keep(started),
  };
  return self;
}

/** Each of the ends has been given what the other one has sent, and nothing else. */
export function expectIntact(one: KitTunnel, other: KitTunnel): void {
  expect([one.faults, other.faults]).toEqual([[], []]);
  expect([one.received, other.received]).toEqual([other.sent, one.sent]);
}

/** Both say that they are done, and hear it of the other. */
export async function endBoth(one: KitTunnel, other: KitTunnel): Promise<void> {
  one.end();
  other.end();
  await Promise.all([one.untilEnded(), other.untilEnded()]);
}
