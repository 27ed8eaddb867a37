import { setTimeout as passed } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { complaints, nodeOf, total } from '../../kit/observe.ts';
import { type RedisDeployment, startRedisCluster } from '../../kit/redis.ts';
import { shardsOf, untilPromoted, untilReplicated } from '../../kit/redis-failover.ts';
import { type Relay, startCluster } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import type { KitTunnel } from '../../kit/tunnel.ts';
import { TunnelPeer, tunnelBetween } from '../../kit/tunnel-peer.ts';
import { untilAllReady } from '../redis-traffic.ts';
import { endBoth, expectIntact, MIB } from './fixture.ts';

const BYTES = 96 * MIB;
const PAUSE_MS = 3000;
const SEEDS = [[1, 2] as const, [2, 1] as const] as const;

const scope = new Scope();
afterEach(() => scope.end());

interface Stage {
  readonly relays: readonly Relay[];
  readonly redis: RedisDeployment;
  readonly from: KitTunnel;
  readonly to: KitTunnel;
}

async function pair(relays: readonly Relay[], name: string): Promise<readonly [KitTunnel, KitTunnel]> {
  const [a, b] = relays as [Relay, Relay];
  const alice = scope.keep(await TunnelPeer.join({ url: a.url }, { peer: `${name}-a` }, { seeds: SEEDS[0] }));
  const bob = scope.keep(await TunnelPeer.join({ url: b.url }, { peer: `${name}-b` }, { seeds: SEEDS[1] }));
  return tunnelBetween(alice, bob, `${name}-b`);
}

/** A tunnel between two relays through which bytes go. */
async function setUp(replicas: number): Promise<Stage> {
  const redis = scope.keep(await startRedisCluster({ replicas, nodeTimeoutMs: replicas > 0 ? 2000 : 15_000 }));
  const { relays } = scope.keep(await startCluster({ relays: 2, redis }));
  const [from, to] = await pair(relays, 'bulk');
  return { relays, redis, from, to };
}

/** Sends all while something goes wrong. Answers why the tunnel was closed, null where it has carried everything. */
async function through({ from, to }: Stage, fault: () => Promise<void>): Promise<string | null> {
  const sending = from.send(BYTES).then(
    () => from.end(),
    () => undefined,
  );
  await to.untilReceived(4 * MIB);
  await fault();
  await Promise.race([to.until(() => to.isEnded, 'the end', true), to.closed()]);
  if (to.reason !== null) expect(await from.closed()).toBe(to.reason);
  await sending;
  expect([from.faults, to.faults, to.received <= from.sent]).toEqual([[], [], true]);
  if (to.reason === null) expect(to.received).toBe(BYTES);
  return to.reason;
}

/** Behind a fault: nothing is left of the tunnels that it has met, and others work. */
async function expectAllWorks({ relays }: Stage): Promise<void> {
  await untilAllReady(relays);
  const [one, other] = await pair(relays, 'later');
  await Promise.all([one.send(4 * MIB), other.send(4 * MIB)]);
  await Promise.all([one.untilReceived(4 * MIB), other.untilReceived(4 * MIB)]);
  await endBoth(one, other);
  expectIntact(one, other);
  expect(await total(relays, 'causeway_tunnel_waiting_bytes')).toBe(0);
  // What is no record is a warning of Node's about the listeners of a socket that hangs.
  expect(relays.flatMap(complaints).filter(({ level }) => level !== 'output')).toEqual([]);
}

const signal = ({ redis }: Stage, name: 'SIGSTOP' | 'SIGCONT') =>
  Promise.all(redis.nodes.map((node) => node.kill(name)));

describe('Redis', () => {
  test('stands still for some seconds: the tunnel waits, and carries everything', async () => {
    const stage = await setUp(0);
    const reason = await through(stage, async () => {
      await signal(stage, 'SIGSTOP');
      await passed(PAUSE_MS);
      await signal(stage, 'SIGCONT');
    });
    expect(reason).toBe(null);
    await expectAllWorks(stage);
  });

  test('is away for too long: both ends are told that the way is closed', async () => {
    const stage = await setUp(0);
    const { from, to } = stage;
    from.send(1024 * BYTES).catch(() => undefined);
    await to.untilReceived(4 * MIB);
    await signal(stage, 'SIGSTOP');
    scope.keep({ stop: () => signal(stage, 'SIGCONT') });
    expect(await Promise.all([from.closed(), to.closed()])).toEqual(['unavailable', 'unavailable']);
    await signal(stage, 'SIGCONT');
    expect([from.faults, to.faults, to.received <= from.sent]).toEqual([[], [], true]);
    await expectAllWorks(stage);
  });

  test.each(['from', 'to'] as const)(
    "a primary is lost, with the stream of the relay on the '%s' side: bytes are right, or the tunnel is closed as lost",
    async (side) => {
      const stage = await setUp(1);
      const { relays, redis } = stage;
      const node = await nodeOf(relays[side === 'from' ? 0 : 1] as Relay);
      await untilReplicated(redis.nodes, 3);
      const reason = await through(stage, async () => {
        const shards = await shardsOf(redis.nodes);
        for (const shard of shards) {
          const keys = await shard.primary.client.keys(`*${node}*:tunnels*`);
          if (keys.length === 0) continue;
          await shard.primary.kill();
          await untilPromoted(shard);
          return;
        }
        throw new Error('no primary has the stream of the relay');
      });
      expect([null, 'lost', 'unavailable']).toContain(reason);
      await expectAllWorks(stage);
    },
  );
});
