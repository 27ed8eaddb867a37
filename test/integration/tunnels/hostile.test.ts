import { encodeFrame } from '@causeway/protocol';
import { expect, test } from 'vitest';
import type { KitTunnel, TunnelOptions } from '../../kit/tunnel.ts';
import { TunnelPeer, type TunnelRefused, tunnelBetween } from '../../kit/tunnel-peer.ts';
import { waitFor } from '../../kit/wait.ts';
import { range } from '../fixture.ts';
import { useVictim } from '../hostile/fixture.ts';
import { expectIntact, MIB } from './fixture.ts';

const WINDOW = MIB;
/** Tunnels of one connection. */
const EACH = 16;
/** That a peer has not answered. */
const OFFERS = 2 * EACH;
const ATTACKERS = 20;
/** Over which bytes come one by one. */
const TUNNELS = 2;

const victim = useVictim();

const join = async (peer: string, options: TunnelOptions = {}): Promise<TunnelPeer> =>
  victim.keep(await TunnelPeer.join({ url: victim.relay.url }, { peer }, options));

/** Two peers that are left alone. */
async function carryOn(name: string): Promise<void> {
  const [one, other] = [await join(`${name}-1`, { seeds: [1, 2] }), await join(`${name}-2`, { seeds: [2, 1] })];
  const [from, to] = await tunnelBetween(one, other, `${name}-2`);
  await from.send(4 * WINDOW);
  await to.untilReceived(4 * WINDOW);
  expectIntact(from, to);
}

test('who sends beyond its credit has the tunnel closed, and nothing else', async () => {
  await victim.during(async () => {
    const [mallory, bob] = [await join('mallory'), await join('bob', { creditEvery: Number.POSITIVE_INFINITY })];
    for (const over of [1, 1000, 10 * WINDOW]) {
      const [from, to] = await tunnelBetween(mallory, bob, 'bob');
      from.overrun(WINDOW + over);
      expect([await from.closed(), await to.closed()]).toEqual(['credit', 'credit']);
      expect(to.received).toBeLessThanOrEqual(WINDOW);
    }
    await carryOn('beyond');
  });
  await victim.atRest();
});

test('who returns credit that it never earned has the tunnel closed', async () => {
  await victim.during(async () => {
    const [alice, mallory] = [await join('alice'), await join('mallory', { creditEvery: Number.POSITIVE_INFINITY })];
    for (const credit of [0, 1001, 0xffffffff]) {
      const [from, to] = await tunnelBetween(alice, mallory, 'mallory');
      await from.send(1000);
      await to.untilReceived(1000);
      to.returnCredit(credit);
      expect([await from.closed(), await to.closed()]).toEqual(['credit', 'credit']);
    }
  });
  await victim.atRest();
});

test('bytes one by one, for peers that read nothing, cost no more than their window', async () => {
  const before = { rss: await victim.relay.rss(), bytes: await victim.since('causeway_tunnel_bytes_total') };
  await victim.during(async () => {
    const [mallory, deaf] = [await join('mallory'), await join('deaf')];
    const pairs: (readonly KitTunnel[])[] = [];
    for (const _ of range(1, TUNNELS)) pairs.push(await tunnelBetween(mallory, deaf, 'deaf'));
    deaf.raw.pauseReading();
    for (const [from] of pairs) {
      const { tunnel } = from as KitTunnel;
      const one = encodeFrame({ type: 'tunnel_data', tunnel, bytes: Buffer.of(1) });
      const packet = Buffer.concat(range(1, 4096).map(() => one));
      for (const _ of range(1, WINDOW / 4096)) mallory.raw.sendRaw(packet);
    }
    await waitFor(async () => (await victim.since('causeway_tunnel_bytes_total')) >= before.bytes + TUNNELS * WINDOW, {
      what: 'all came',
      timeoutMs: 60_000,
    });
    const waiting = (await victim.relay.metrics()).value('causeway_tunnel_waiting_bytes');
    expect(waiting).toBeLessThanOrEqual(TUNNELS * WINDOW);
    expect((await victim.relay.rss()) - before.rss).toBeLessThan(160 * MIB);
    await carryOn('one-by-one');
  });
  await victim.atRest();
});

test('offers that nobody answers are bounded, and do not keep a peer from its own tunnels', async () => {
  await victim.during(async () => {
    const target = await join('target', { seeds: [1, 2] });
    const attackers = await Promise.all(range(1, ATTACKERS).map((index) => join(`attacker-${index}`)));
    const verdicts = attackers.flatMap((attacker) =>
      range(1, EACH).map(() =>
        attacker.connect('target').then(
          () => 'opened',
          (error: unknown) => (error as TunnelRefused).frame.code,
        ),
      ),
    );
    await waitFor(async () => (await victim.relay.metrics()).value('causeway_tunnel_ends') >= OFFERS * 2, {
      what: 'all offers are there',
    });
    const friend = await join('friend', { seeds: [2, 1] });
    const room = await target.createRoom();
    const met = await Promise.all([room.opened(), friend.joinRoom(room.code)]);
    const called = await tunnelBetween(target, friend, 'friend');
    for (const [one, other] of [met, called]) {
      await Promise.all([one.send(2 * WINDOW), other.untilReceived(2 * WINDOW)]);
      expectIntact(one, other);
    }
    const counts: Record<string, number> = {};
    for (const code of await Promise.all(verdicts)) counts[code] = (counts[code] ?? 0) + 1;
    expect(counts).toEqual({ declined: OFFERS, tunnel_limit: ATTACKERS * EACH - OFFERS });
    expect(target.raw.take('tunnel_offer')).toHaveLength(OFFERS);
    const closes = target.raw.take('tunnel_close');
    expect(closes.map(({ reason }) => reason)).toEqual(closes.map(() => 'timeout'));
    expect(closes).toHaveLength(OFFERS);
  });
  await victim.atRest();
});
