import { describe, expect, test } from 'vitest';
import { total } from '../../kit/observe.ts';
import { tunnelBetween } from '../../kit/tunnel-peer.ts';
import { waitFor } from '../../kit/wait.ts';
import { endBoth, expectIntact, FORMS, MIB, type Relays, useRelays } from './fixture.ts';

const WINDOW = MIB;
const STALLS = 4;
/** What fills caches, pools and the code that is compiled. */
const WARM_UP = 64 * MIB;
/** Garbage, and what the allocator keeps, of some hundred MiB that go through each second. */
const HEAP = 96 * MIB;
/** Of clients' buffers and the like; a window that stays would be more. */
const REDIS_SLACK = 4 * MIB;
const SEEDS = [[11, 12] as const, [12, 11] as const] as const;

async function memoryOf({ relays, redis }: Relays): Promise<{ relays: number[]; redis: number }> {
  const servers = (await redis?.info('memory')) ?? [];
  const used = servers.reduce((sum, info) => sum + Number(info.get('used_memory')), 0);
  return { relays: await Promise.all(relays.map((relay) => relay.rss())), redis: used };
}

describe.each(FORMS)('%s', (_name, isCluster) => {
  const servers = useRelays(isCluster);
  const bytes = Number(process.env.TUNNEL_MIB ?? (isCluster ? 1024 : 256)) * MIB;

  test('bulk arrives whole and in order, and a reader that stalls stops its sender, with nothing held', async () => {
    const alice = await servers.join(0, { peer: 'alice' }, { seeds: SEEDS[0] });
    const bob = await servers.join(1, { peer: 'bob' }, { seeds: SEEDS[1], creditEvery: WINDOW / 4 });
    const [from, to] = await tunnelBetween(alice, bob, 'bob');
    const sending = from.send(bytes);
    await to.untilReceived(WARM_UP);
    const before = await memoryOf(servers);
    for (let stall = 1; stall <= STALLS; stall += 1) {
      await to.untilReceived((bytes / (STALLS + 1)) * stall);
      to.hold();
      await to.until(() => to.unreturned === WINDOW, 'a whole window');
      expect(from.credit).toBe(0);
      await waitFor(async () => (await total(servers.relays, 'causeway_tunnel_waiting_bytes')) === 0, {
        what: 'nothing waits',
      });
      const held = await memoryOf(servers);
      for (const [index, rss] of held.relays.entries())
        expect(rss - (before.relays[index] as number)).toBeLessThan(HEAP);
      expect(held.redis - before.redis).toBeLessThan(REDIS_SLACK);
      to.release();
    }
    await sending;
    await to.untilReceived(bytes);
    await to.until(() => to.received === bytes, 'all');
    await endBoth(from, to);
    expectIntact(from, to);
    expect(await total(servers.relays, 'causeway_tunnel_ends')).toBe(0);
  });
});

describe.each(FORMS)('%s, with a large window', (_name, isCluster) => {
  const window = 64 * MIB;
  const servers = useRelays(isCluster, { CAUSEWAY_TUNNEL_WINDOW: String(window) });

  test('what a connection does not read waits in the relays, a window at most, and is not lost', async () => {
    const alice = await servers.join(0, { peer: 'alice' }, { seeds: SEEDS[0] });
    const bob = await servers.join(1, { peer: 'bob' }, { seeds: SEEDS[1] });
    const [from, to] = await tunnelBetween(alice, bob, 'bob');
    const before = await memoryOf(servers);
    bob.raw.pauseReading();
    const sending = from.send(2 * window);
    await from.until(() => from.credit === 0, 'no credit is left');
    const waiting = () => total(servers.relays, 'causeway_tunnel_waiting_bytes');
    // The rest is in the buffers of the operating system.
    await waitFor(async () => (await waiting()) > window / 2, { what: 'most of the window waits' });
    expect(await waiting()).toBeLessThanOrEqual(window);
    const held = await memoryOf(servers);
    const grown = held.relays.reduce((sum, rss, index) => sum + rss - (before.relays[index] as number), 0);
    expect(grown).toBeLessThan(2 * window + HEAP);
    bob.raw.resumeReading();
    await sending;
    await to.untilReceived(2 * window);
    await endBoth(from, to);
    expectIntact(from, to);
    expect(await waiting()).toBe(0);
  });
});
