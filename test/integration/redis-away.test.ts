import { readdir } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { Flow } from '../kit/flow.ts';
import { Reader } from '../kit/reader.ts';
import { type RedisDeployment, startRedis, startRedisCluster } from '../kit/redis.ts';
import type { Relay } from '../kit/relay.ts';
import { waitFor } from '../kit/wait.ts';
import { range, useCluster } from './fixture.ts';
import { untilAllReady, untilNotReady } from './redis-traffic.ts';

const MIB = 1024 * 1024;
const LINK_BYTES = 2 * MIB;
/** Of the last message, and of control frames. */
const SLACK = 64 * 1024;
const SENDERS = 20;
const MESSAGES = 1000;
/** A refused message may have been stored, and is stored once more when it is sent again. */
const MAILBOX_MESSAGES = 10 * MESSAGES;
const WINDOW = 128;
const PAYLOAD = Buffer.alloc(4096);
/** For some seconds, but not until the relay gives up on what it cannot tell the outcome of (15 s). */
const REFUSALS = 4000;
/** What waits, its copies on their way to Redis, and what the garbage collector has not come to yet. */
const MORE_MEMORY = 150 * MIB;
/** A connection that ends and the one that follows it may overlap: four clients, each with three servers. */
const MORE_FILES = 12;

const ENV = { CAUSEWAY_LINK_BYTES: String(LINK_BYTES), CAUSEWAY_MAILBOX_MESSAGES: String(MAILBOX_MESSAGES) };

const FORMS: Readonly<Record<string, () => Promise<RedisDeployment>>> = {
  standalone: () => startRedis(),
  cluster: () => startRedisCluster({ replicas: 0 }),
};

async function openFiles({ pid }: Relay): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

describe.each(Object.entries(FORMS))('%s: while Redis hangs under load', (_, start) => {
  const cluster = useCluster({ relays: 2, startRedis: start, env: ENV });
  beforeAll(() => untilAllReady(cluster.relays));
  const signal = (name: 'SIGSTOP' | 'SIGCONT') => Promise.all(cluster.redis.nodes.map((node) => node.kill(name)));
  const relay = () => cluster.relays[0] as Relay;

  test('nothing grows without bound, and afterwards all goes on', async () => {
    // One half of the recipients is connected to the other node, one half is offline.
    const readers = range(1, SENDERS).map((index) => cluster.keep(new Reader({ peer: `reader-${index}` })));
    const isAway = (index: number) => index % 2 === 1;
    for (const [index, reader] of readers.entries()) if (!isAway(index)) await reader.connect(cluster.url(1));
    const payloads = Array.from({ length: MESSAGES }, () => PAYLOAD);
    const flows = range(1, SENDERS).map((index) =>
      cluster.keep(
        new Flow({
          url: cluster.url(0),
          from: `sender-${index}`,
          to: `reader-${index}`,
          payloads,
          window: WINDOW,
        }),
      ),
    );
    await Promise.all(flows.map((flow) => flow.start()));
    await waitFor(() => flows.every((flow) => flow.outcomes.size > 0), { what: 'all flows flow' });
    const [memory, files] = [await relay().rss(), await openFiles(relay())];
    await signal('SIGSTOP');
    cluster.keep({ stop: () => signal('SIGCONT') });
    await untilNotReady(cluster.relays, /./);
    const refused = () => flows.reduce((sum, { refusals }) => sum + refusals, 0);
    await waitFor(() => refused() > REFUSALS, { what: `${REFUSALS} messages are refused`, timeoutMs: 60_000 });

    const metrics = await relay().metrics();
    expect(metrics.value('causeway_link_bytes')).toBeLessThanOrEqual(LINK_BYTES + SLACK);
    expect(metrics.value('causeway_pending_sends')).toBeLessThanOrEqual(SENDERS * WINDOW);
    expect((await relay().rss()) - memory).toBeLessThan(MORE_MEMORY);
    expect((await openFiles(relay())) - files).toBeLessThanOrEqual(MORE_FILES);

    await signal('SIGCONT');
    await untilAllReady(cluster.relays);
    await Promise.all(flows.map((flow) => flow.finish()));
    for (const [index, reader] of readers.entries()) if (isAway(index)) await reader.connect(cluster.url(1));
    await Promise.all(readers.map((reader) => reader.until(MESSAGES)));
    for (const [index, reader] of readers.entries()) {
      expect([reader.ids(`sender-${index + 1}`), flows[index]?.faults]).toEqual([range(1, MESSAGES), []]);
    }
    expect((await openFiles(relay())) - files).toBeLessThanOrEqual(MORE_FILES);
  });
});
