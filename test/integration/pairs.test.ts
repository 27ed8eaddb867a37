import { expect, test } from 'vitest';
import { Flow } from '../kit/flow.ts';
import { Reader } from '../kit/reader.ts';
import { startRedisCluster } from '../kit/redis.ts';
import { createRng } from '../kit/rng.ts';
import { useCluster } from './fixture.ts';

const PAIRS = 200;
const MESSAGES = 100;
const SIZES = [0, 1, 2, 17, 128, 1024, 1025, 4096, 16_384, 65_535, 65_536];
const LARGEST = 65_536;

const cluster = useCluster({ relays: 3, startRedis: () => startRedisCluster({ replicas: 0 }) });

/** Bytes that differ from message to message also where their sizes are the same. */
function payloadsOf(pair: number, noise: Uint8Array): Uint8Array[] {
  const rng = createRng(pair);
  return Array.from({ length: MESSAGES }, (_, index) => {
    // Each size occurs in each pair; most are small, as messages are.
    const size = index < SIZES.length ? (SIZES[index] as number) : rng.int(2048);
    const start = rng.int(noise.length - LARGEST);
    return noise.subarray(start, start + size);
  });
}

test('200 pairs on three nodes get every message once, in order and whole, and every sender its receipts', async () => {
  const noise = createRng(1).bytes(4 * LARGEST);
  const pairs = await Promise.all(
    Array.from({ length: PAIRS }, async (_, pair) => {
      const payloads = payloadsOf(pair, noise);
      const reader = cluster.keep(new Reader({ peer: `reader-${pair}` }));
      // All nine combinations of nodes.
      await reader.connect(cluster.url(pair % 3));
      const flow = new Flow({
        url: cluster.url(Math.floor(pair / 3) % 3),
        from: `sender-${pair}`,
        to: `reader-${pair}`,
        payloads,
      });
      return { payloads, reader, flow: cluster.keep(flow) };
    }),
  );
  await Promise.all(pairs.map(({ flow }) => flow.start()));
  await Promise.all(pairs.map(({ flow }) => flow.finish()));
  await Promise.all(pairs.map(({ reader }) => reader.until(MESSAGES)));

  for (const [pair, { payloads, reader, flow }] of pairs.entries()) {
    expect(reader.shown.map(({ from, id }) => `${from} ${id}`)).toEqual(
      payloads.map((_, index) => `sender-${pair} ${index + 1}`),
    );
    const broken = payloads.filter((payload, index) => {
      const shown = reader.shown[index]?.payload;
      return shown === undefined || Buffer.compare(shown, payload) !== 0;
    });
    expect(broken).toEqual([]);
    expect([reader.faults, flow.faults]).toEqual([[], []]);
    expect([flow.sends, flow.refusals]).toEqual([MESSAGES, 0]);
    expect(flow.count('delivered') + flow.count('queued')).toBe(MESSAGES);
  }
});
