import { beforeAll, describe, expect, test } from 'vitest';
import { Flow } from '../kit/flow.ts';
import { nodeOf } from '../kit/observe.ts';
import { Reader } from '../kit/reader.ts';
import type { Relay } from '../kit/relay.ts';
import { createRng } from '../kit/rng.ts';
import { waitFor } from '../kit/wait.ts';
import { range, useCluster } from './fixture.ts';

const MIB = 1024 * 1024;
const WINDOW_MESSAGES = 256;
const WINDOW_BYTES = MIB;
/** Below the cap of a mailbox, in number and in bytes. */
const MESSAGES = 900;
const SIZE = 16 * 1024;
const HANGING = 16;
/** Of each sender: all together they stay below the bytes that a link may have, or those who keep up would be refused, too. */
const UNDER_WAY = 128;
/** What a collected heap and the buffers of Redis clients move about by. */
const SLACK = 128 * MIB;
const WITNESSED = 3000;
/** Gauges of two nodes that hold nothing; the answer to a link's probe stays, because nothing answers that. */
const AT_REST = { pending_sends: 0, inbox_unsettled_entries: 0, link_bytes: 64 };

const cluster = useCluster();
/** The slow ones' node, and the senders'. */
let slow: Relay;
let other: Relay;
beforeAll(async () => {
  [slow, other] = cluster.relays as [Relay, Relay];
  // A process takes memory for its first traffic that it does not give back.
  await witness('warm-up', SIZE);
});

const sized = (count: number, size: number): Uint8Array[] => {
  const noise = createRng(4).bytes(size + count);
  return Array.from({ length: count }, (_, index) => noise.subarray(index, index + size));
};

async function flowTo(to: string, payloads: readonly Uint8Array[], from = `to-${to}`): Promise<Flow> {
  return cluster.keep(new Flow({ url: other.url, from, to, payloads, window: UNDER_WAY })).start();
}

/** Messages between two peers who keep up, through the same two nodes: all of them arrive. */
async function witness(name: string, size = 100): Promise<void> {
  const reader = cluster.keep(new Reader({ peer: `witness-${name}` }));
  await reader.connect(slow.url);
  const [to, from] = [`witness-${name}`, `to-witness-${name}`];
  // Within the delivery window, or a reader that keeps up could not be told from one that does not.
  const options = { url: other.url, from, to, payloads: sized(WITNESSED, size), window: 32 };
  const flow = await cluster.keep(new Flow(options)).start();
  await flow.finish();
  await reader.until(WITNESSED);
  expect(reader.ids(from)).toEqual(range(1, WITNESSED));
  expect([flow.count('delivered'), flow.sends, flow.faults]).toEqual([WITNESSED, WITNESSED, []]);
}

/** Nothing of what has its receipt stays in the inbox of the slow ones' node, nor in the memory of either. */
async function nothingIsHeld(): Promise<void> {
  const inbox = `cw:{n:${await nodeOf(slow)}}:inbox`;
  await waitFor(async () => (await cluster.redis.nodes[0]?.client.xlen(inbox)) === 0, { what: 'the inbox is trimmed' });
  for (const [gauge, least] of Object.entries(AT_REST)) {
    const what = `${gauge} is ${least} at most`;
    await waitFor(async () => (await cluster.total(`causeway_${gauge}`)) <= least, { what });
  }
}

describe('recipients that hold up their deliveries', () => {
  test('one that fills its window costs that window, and gets all when it comes back', async () => {
    const hanging = Array.from({ length: HANGING }, (_, index) =>
      cluster.keep(new Reader({ peer: `full-${index}`, acks: false })),
    );
    await Promise.all(hanging.map((reader) => reader.connect(slow.url)));
    const before = await slow.rss();
    const payloads = sized(MESSAGES, SIZE);
    const flows = await Promise.all(hanging.map((_, index) => flowTo(`full-${index}`, payloads)));
    await Promise.all([...flows.map((flow) => flow.finish()), witness('full')]);
    await nothingIsHeld();

    expect((await slow.rss()) - before).toBeLessThan(HANGING * WINDOW_BYTES + SLACK);
    for (const [index, flow] of flows.entries()) {
      expect([flow.count('queued'), flow.faults]).toEqual([MESSAGES, []]);
      expect(hanging[index]?.deliveries).toBeLessThanOrEqual(WINDOW_BYTES / SIZE + 1);
      expect(hanging[index]?.deliveries).toBeGreaterThan(0);
    }
    for (const [index, reader] of hanging.entries()) {
      // What it was shown once it is not shown again.
      await reader.connect((index % 2 === 0 ? slow : other).url, { acks: true });
      await reader.until(MESSAGES);
      expect(reader.ids(`to-full-${index}`)).toEqual(range(1, MESSAGES));
      expect([reader.duplicates > 0, reader.faults]).toEqual([true, []]);
    }
  });

  test('one that leaves a single message unacknowledged', async () => {
    const reader = cluster.keep(new Reader({ peer: 'single', acks: false }));
    await reader.connect(slow.url);
    const first = await flowTo('single', sized(1, 100), 'first');
    await reader.untilDelivered(1);
    await Promise.all([first.finish(), witness('single')]);
    expect(first.count('queued')).toBe(1);
    const rest = await flowTo('single', sized(500, 100), 'rest');
    await rest.finish();
    expect([rest.count('queued'), rest.faults]).toEqual([500, []]);
    // By number this time: one of the first and the others of the rest.
    await reader.untilDelivered(WINDOW_MESSAGES);
    await nothingIsHeld();
    expect(reader.deliveries).toBe(WINDOW_MESSAGES);

    // The same connection goes on.
    reader.connection.ack(WINDOW_MESSAGES);
    await reader.untilDelivered(501);
    expect(reader.ids('first')).toEqual([1]);
    expect(reader.ids('rest')).toEqual(range(1, 500));
    expect([reader.duplicates, reader.faults]).toEqual([0, []]);
    reader.connection.ack(501);
    const live = await flowTo('single', sized(1, 100), 'live');
    await reader.untilDelivered(502);
    reader.connection.ack(502);
    await live.finish();
    expect(live.count('delivered')).toBe(1);
  });

  test('ones that stop reading their sockets', async () => {
    const hanging = Array.from({ length: HANGING }, (_, index) => cluster.keep(new Reader({ peer: `deaf-${index}` })));
    await Promise.all(hanging.map((reader) => reader.connect(slow.url)));
    for (const reader of hanging) reader.connection.pauseReading();
    const before = await slow.rss();
    const payloads = sized(MESSAGES, SIZE);
    const flows = await Promise.all(hanging.map((_, index) => flowTo(`deaf-${index}`, payloads)));
    await Promise.all([...flows.map((flow) => flow.finish()), witness('deaf')]);
    await nothingIsHeld();

    expect((await slow.rss()) - before).toBeLessThan(HANGING * 3 * WINDOW_BYTES + SLACK);
    for (const [index, flow] of flows.entries()) {
      expect([flow.count('queued'), flow.faults]).toEqual([MESSAGES, []]);
      expect(hanging[index]?.deliveries).toBe(0);
    }
    for (const [index, reader] of hanging.entries()) {
      reader.connection.resumeReading();
      await reader.until(MESSAGES);
      expect(reader.ids(`to-deaf-${index}`)).toEqual(range(1, MESSAGES));
      expect(reader.faults).toEqual([]);
    }
  });
});
