import { afterAll, beforeAll, expect, test } from 'vitest';
import { Flow } from '../kit/flow.ts';
import { complaints } from '../kit/observe.ts';
import { Reader } from '../kit/reader.ts';
import { startRedisCluster } from '../kit/redis.ts';
import { type RelayCluster, startCluster } from '../kit/relay.ts';
import { createRng } from '../kit/rng.ts';
import { Scope } from '../kit/scope.ts';

const PAIRS = 200;
const MESSAGES = 100;
const SIZES = [0, 1, 2, 17, 128, 1024, 1025, 4096, 16_384, 65_535, 65_536];
const LARGEST = 65_536;

const scope = new Scope();
let cluster: RelayCluster;
beforeAll(async () => {
  const redis = scope.keep(await startRedisCluster({ replicas: 0 }));
  cluster = scope.keep(await startCluster({ relays: 3, redis }));
});
afterAll(() => scope.end());

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
  const urls = cluster.relays.map(({ url }) => url);
  const url = (index: number): string => urls[index % urls.length] as string;
  const pairs = await Promise.all(
    Array.from({ length: PAIRS }, async (_, pair) => {
      const payloads = payloadsOf(pair, noise);
      const reader = scope.keep(new Reader({ peer: `reader-${pair}` }));
      // All nine combinations of nodes.
      await reader.connect(url(pair));
      const flow = new Flow({ url: url(Math.floor(pair / 3)), from: `sender-${pair}`, to: `reader-${pair}`, payloads });
      return { payloads, reader, flow: scope.keep(flow) };
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
    expect([reader.faults, flow.unowed]).toEqual([[], []]);
    expect([flow.sends, flow.refusals]).toEqual([MESSAGES, 0]);
    expect(flow.count('delivered') + flow.count('queued')).toBe(MESSAGES);
  }
  expect(cluster.relays.flatMap(complaints)).toEqual([]);
});
