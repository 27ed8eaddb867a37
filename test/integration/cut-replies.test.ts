import { expect, test } from 'vitest';
import { Flow } from '../kit/flow.ts';
import { startProxy, type TcpProxy } from '../kit/proxy.ts';
import { Reader } from '../kit/reader.ts';
import { type RedisDeployment, startRedis } from '../kit/redis.ts';
import { createRng } from '../kit/rng.ts';
import { numbered, range, useCluster } from './fixture.ts';

const PAIRS = 10;
const MESSAGES = 1000;
/** Of each chunk of replies. */
const CUT = 0.03;
/** Few messages in flight make many replies. */
const WINDOW = 24;
const SEED = 8;

/** A Redis that is reached through a proxy only. */
let proxy: TcpProxy;
async function startBehindProxy(): Promise<RedisDeployment> {
  const redis = await startRedis();
  proxy = await startProxy({ target: { port: redis.nodes[0]?.port as number } });
  return {
    ...redis,
    url: `redis://${proxy.host}:${proxy.port}`,
    async stop() {
      await proxy.stop();
      await redis.stop();
    },
  };
}

const cluster = useCluster({ relays: 3, startRedis: startBehindProxy });

test('with replies of Redis lost between execution and answer nothing is doubled, lost or out of order', async () => {
  const readers = await Promise.all(
    range(0, PAIRS - 1).map(async (pair) => {
      const reader = cluster.keep(new Reader({ peer: `reader-${pair}` }));
      // One in five is offline: its messages go to the mailbox.
      if (pair % 5 !== 4) await reader.connect(cluster.url(pair % 3));
      return reader;
    }),
  );
  const flows = await Promise.all(
    range(0, PAIRS - 1).map((pair) => {
      // Never the node of the recipient.
      const url = cluster.url((pair + 1 + Math.floor(pair / 6)) % 3);
      const payloads = numbered(MESSAGES);
      const flow = new Flow({ url, from: `sender-${pair}`, to: `reader-${pair}`, payloads, window: WINDOW });
      return cluster.keep(flow).start();
    }),
  );
  proxy.cutReplies({ probability: CUT, rng: createRng(SEED) });
  await Promise.all(flows.map((flow) => flow.finish()));
  proxy.cutReplies({ probability: 0, rng: createRng(SEED) });
  await Promise.all(readers.map((reader, pair) => (pair % 5 === 4 ? reader.connect(cluster.url(0)) : undefined)));
  await Promise.all(readers.map((reader) => reader.until(MESSAGES)));

  for (const [pair, reader] of readers.entries()) {
    const flow = flows[pair] as Flow;
    expect(reader.ids(`sender-${pair}`)).toEqual(range(1, MESSAGES));
    expect([reader.shown.length, reader.faults, flow.faults]).toEqual([MESSAGES, [], []]);
    // Only a message that was refused as unavailable, and sent again, may come twice.
    expect(reader.duplicates).toBeLessThanOrEqual(flow.refusals);
    expect(flow.count('delivered') + flow.count('queued')).toBe(MESSAGES);
  }
  expect(proxy.counters.cuts).toBeGreaterThan(20);
  expect(await cluster.total('causeway_link_retries_total')).toBeGreaterThan(0);
});
