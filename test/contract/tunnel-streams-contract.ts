import type { NodeId } from '@causeway/protocol';
import { expect, onTestFinished, test } from 'vitest';
import { newNode, of } from './fixtures.ts';
import type { Implementation } from './implementation.ts';
import { fill, readTunnels, taken, tunnelSender } from './tunnel-traffic.ts';

const HOLD_MS = 60_000;
const MIB = 1024 * 1024;

/** 1 to `last`. */
const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

export function tunnelStreamsContract(get: () => Implementation): void {
  const tunnels = () => get().store.tunnels;

  async function open(): Promise<NodeId> {
    const node = newNode();
    of('opened', await get().store.inbox.open(node));
    return node;
  }

  const sender = (to: NodeId, options?: Parameters<typeof tunnelSender>[2]) => tunnelSender(get().store, to, options);
  /** Until the test ends. */
  const read = (node: NodeId) => {
    onTestFinished(() => tunnels().stop());
    return readTunnels(get().store, node);
  };

  test('what is added is handed over once and in order, before and after the reading begins', async () => {
    const to = await open();
    const append = sender(to);
    for (const number of upTo(10)) expect(await append(number)).toEqual({ kind: 'ok' });
    const { until, numbers } = read(to);
    await until(10);
    for (const number of upTo(10)) expect(await append(10 + number)).toEqual({ kind: 'ok' });
    await until(20);
    expect(numbers()).toEqual(upTo(20));
  });

  test('several may be under way: each comes once, in whatever order', async () => {
    const to = await open();
    const append = sender(to);
    const { until, numbers } = read(to);
    const replies = await Promise.all(upTo(50).map((number) => append(number, 100_000)));
    expect(new Set(replies.map(({ kind }) => kind))).toEqual(new Set(['ok']));
    await until(50);
    // A Redis Cluster may send some of them on from one server to another.
    expect(numbers().sort((a, b) => a - b)).toEqual(upTo(50));
  });

  test('each node has its own stream', async () => {
    const [to, other, from] = [await open(), await open(), newNode()];
    await sender(to, { from })(1);
    await sender(other, { from })(2);
    const { until, texts } = read(other);
    await until(1);
    expect(texts()).toEqual([`${from} 2`]);
  });

  test('envelopes are any bytes', async () => {
    const to = await open();
    const writer = tunnels().writer(to, MIB);
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const holder = new Uint8Array(300);
    holder.set(all, 20);
    const { until, envelopes } = read(to);
    await writer.append(holder.subarray(20, 276));
    await writer.append(new Uint8Array(200_000).fill(0xfe));
    await until(2);
    expect([...(envelopes[0] ?? [])]).toEqual([...all]);
    expect(envelopes[1]?.length).toBe(200_000);
  });

  test('over its bytes it is full for all, and the reader makes room again', async () => {
    const to = await open();
    const append = sender(to, { maxBytes: 2 * MIB });
    const count = await fill(append, 300_000);
    expect(count * 300_000).toBeGreaterThanOrEqual(2 * MIB);
    // What is under way when it gets full comes on top.
    expect(count * 300_000).toBeLessThanOrEqual(3 * MIB + 300_000);
    expect(await append(count + 1)).toEqual({ kind: 'full' });
    expect(await sender(to, { maxBytes: 2 * MIB })(1)).toEqual({ kind: 'full' });
    expect(await sender(to, { maxBytes: 6 * MIB })(count + 1)).toEqual({ kind: 'ok' });
    const { until, numbers } = read(to);
    await until(count + 1);
    await taken(() => append(count + 2));
    await until(count + 2);
    expect(numbers()).toEqual(upTo(count + 2));
  });

  test('an empty stream takes an envelope of any size', async () => {
    const to = await open();
    const append = sender(to, { maxBytes: MIB });
    expect(await append(1, 5 * MIB)).toEqual({ kind: 'ok' });
    const { until } = read(to);
    await until(1);
    await taken(() => append(2, 5 * MIB));
    await until(2);
  });

  test('what was handed over does not come again to the next reader', async () => {
    const to = await open();
    const append = sender(to);
    for (const number of [1, 2, 3]) await append(number);
    const first = read(to);
    await first.until(3);
    await tunnels().stop();
    await append(4);
    const second = read(to);
    await second.until(1);
    expect([first.numbers(), second.numbers()]).toEqual([[1, 2, 3], [4]]);
  });

  test('nothing is handed over after stop, and a second reader is refused', async () => {
    const to = await open();
    const { envelopes } = read(to);
    expect(() => tunnels().start(to, () => undefined)).toThrow('being read already');
    await tunnels().stop();
    await tunnels().stop();
    await sender(to)(1);
    const next = read(to);
    await next.until(1);
    expect(envelopes).toEqual([]);
  });

  test('many senders at once: each one’s envelopes come in its order, none twice', async () => {
    const to = await open();
    const senders = Array.from({ length: 8 }, () => newNode());
    const { until, texts } = read(to);
    const each = upTo(60);
    await Promise.all(
      senders.map(async (from) => {
        const append = sender(to, { from });
        for (const number of each) expect(await append(number)).toEqual({ kind: 'ok' });
      }),
    );
    await until(senders.length * each.length);
    for (const from of senders) {
      const own = texts().filter((text) => text.startsWith(`${from} `));
      expect(own).toEqual(each.map((number) => `${from} ${number}`));
    }
  });

  test('a node is missing until its inbox is opened, and takes envelopes while it drains', async () => {
    const to = newNode();
    const append = sender(to);
    expect(await append(1)).toEqual({ kind: 'missing' });
    await get().store.inbox.open(to);
    expect(await append(1)).toEqual({ kind: 'ok' });
    await get().store.inbox.close(to);
    expect(await append(2)).toEqual({ kind: 'ok' });
    expect(await sender(to)(3)).toEqual({ kind: 'ok' });
    const { until } = read(to);
    await until(3);
  });

  test('a node that has left is gone, and for good', async () => {
    const to = await open();
    const append = sender(to);
    await append(1);
    await get().store.inbox.remove(to);
    for (const number of [2, 3]) expect(await append(number)).toEqual({ kind: 'gone' });
    expect(await sender(to)(1)).toEqual({ kind: 'gone' });
  });

  test('a dead node is gone as soon as it is reaped, and for good', async () => {
    const to = await open();
    const append = sender(to);
    await append(1);
    const { reaping } = get().store;
    const { lock } = of('held', await reaping.take(to, newNode(), HOLD_MS));
    expect(await append(2)).toEqual({ kind: 'gone' });
    of('finished', await reaping.finish(lock));
    for (const number of [3, 4]) expect(await append(number)).toEqual({ kind: 'gone' });
  });

  test('a node that the store has lost is missing until it is opened again, and its reader goes on', async () => {
    const to = await open();
    const append = sender(to);
    const { until, numbers } = read(to);
    await append(1);
    await until(1);
    await get().loseInbox(to);
    for (const number of [2, 3]) expect(await append(number)).toEqual({ kind: 'missing' });
    await get().store.inbox.open(to);
    for (const number of [4, 5]) expect(await append(number)).toEqual({ kind: 'ok' });
    await until(3);
    expect(numbers()).toEqual([1, 4, 5]);
  });
}
