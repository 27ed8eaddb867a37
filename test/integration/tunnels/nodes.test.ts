import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { complaints } from '../../kit/observe.ts';
import { type RedisDeployment, startRedisCluster } from '../../kit/redis.ts';
import { type Relay, startCluster } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import type { TunnelOptions } from '../../kit/tunnel.ts';
import { TunnelPeer, tunnelBetween } from '../../kit/tunnel-peer.ts';
import { endBoth, expectIntact, MIB } from './fixture.ts';

const PLENTY = 64 * 1024 * MIB;
const ENV = { CAUSEWAY_NODE_LEASE_MS: '3000', CAUSEWAY_DRAIN_SECONDS: '6' };
const SENDS: TunnelOptions = { seeds: [1, 2] };
const TAKES: TunnelOptions = { seeds: [2, 1] };

const servers = new Scope();
const scope = new Scope();
let redis: RedisDeployment;

beforeAll(async () => {
  redis = servers.keep(await startRedisCluster({ replicas: 0 }));
});
afterEach(() => scope.end());
afterAll(() => servers.end());

type Three = [going: Relay, near: Relay, far: Relay];
const start = async (): Promise<Three> =>
  scope.keep(await startCluster({ relays: 3, redis, env: ENV })).relays as unknown as Three;

const join = async ({ url }: Relay, peer: string, options: TunnelOptions): Promise<TunnelPeer> =>
  scope.keep(await TunnelPeer.join({ url }, { peer }, options));

/** A transfer from the relay that goes to one that stays, and one the other way round. */
async function transfers(going: Relay, near: Relay) {
  const [alice, bob] = [await join(going, 'alice', SENDS), await join(near, 'bob', TAKES)];
  const there = await tunnelBetween(alice, bob, 'bob');
  const back = await tunnelBetween(bob, alice, 'alice');
  for (const [from, to] of [there, [back[1], back[0]] as const]) {
    from.send(PLENTY).catch(() => undefined);
    await to.untilReceived(8 * MIB);
  }
  return { alice, left: [there[1], back[0]] as const, gone: [there[0], back[1]] as const };
}

/** Two peers of the relays that stay. */
async function carryOn(near: Relay, far: Relay): Promise<void> {
  const [carol, dave] = [await join(near, 'carol', SENDS), await join(far, 'dave', TAKES)];
  const room = await carol.createRoom();
  const met = await Promise.all([room.opened(), dave.joinRoom(room.code)]);
  for (const [one, other] of [met, await tunnelBetween(carol, dave, 'dave')]) {
    await Promise.all([one.send(3 * MIB), other.send(3 * MIB)]);
    await Promise.all([one.untilReceived(3 * MIB), other.untilReceived(3 * MIB)]);
    await endBoth(one, other);
    expectIntact(one, other);
  }
}

/** The peer whose relay is gone, over one that is left. */
async function comeBack(near: Relay, far: Relay): Promise<void> {
  const [alice, eve] = [await join(far, 'alice', SENDS), await join(near, 'eve', TAKES)];
  const [from, to] = await tunnelBetween(alice, eve, 'eve');
  await from.send(MIB);
  await to.untilReceived(MIB);
}

test('a relay that is killed: the other ends are told, and others go on at once', async () => {
  const [going, near, far] = await start();
  const { alice, left, gone } = await transfers(going, near);
  going.kill('SIGKILL');
  await carryOn(near, far);
  expect(await Promise.all(left.map((end) => end.closed()))).toEqual(['node_gone', 'node_gone']);
  expect((await alice.raw.closed).code).toBe(1006);
  for (const [index, end] of left.entries()) {
    expect([end.faults, end.received <= (gone[index]?.sent ?? 0)]).toEqual([[], true]);
  }
  await comeBack(near, far);
});

test('a relay that drains: the other ends are told, and it leaves in time', async () => {
  const [going, near, far] = await start();
  const { alice, left, gone } = await transfers(going, near);
  const exit = going.stop();
  await alice.raw.next('goaway');
  await carryOn(near, far);
  expect(await Promise.all(left.map((end) => end.closed()))).toEqual(['peer_gone', 'peer_gone']);
  expect((await alice.raw.closed).code).toBe(4001);
  for (const [index, end] of left.entries()) {
    expect([end.faults, end.received <= (gone[index]?.sent ?? 0)]).toEqual([[], true]);
  }
  expect([await exit, complaints(going)]).toEqual([0, []]);
  await comeBack(near, far);
});
