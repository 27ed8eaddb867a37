import type { NodeId } from '@causeway/protocol';
import { expect, onTestFinished, test } from 'vitest';
import { newNode, of } from './fixtures.ts';
import type { Implementation } from './implementation.ts';
import { readTunnels, taken, tunnelSender } from './tunnel-traffic.ts';

const HOLD_MS = 60_000;

export function tunnelStreamsContract(get: () => Implementation): void {
  const tunnels = () => get().store.tunnels;

  async function open(): Promise<NodeId> {
    const node = newNode();
    of('opened', await get().store.inbox.open(node));
    return node;
  }

  const sender = (to: NodeId, from?: NodeId) => tunnelSender(get().store, to, from);
  /** Until the test ends. */
  const read = (node: NodeId) => {
    onTestFinished(() => tunnels().stop());
    return readTunnels(get().store, node);
  };

  test('a run is taken once and in order', async () => {
    const to = await open();
    const append = sender(to);
    expect(await append(1, 2)).toEqual({ kind: 'gap' });
    expect(await append(1, 1)).toEqual({ kind: 'ok' });
    expect(await append(1, 1)).toEqual({ kind: 'dup' });
    expect(await append(1, 3)).toEqual({ kind: 'gap' });
    for (let sequence = 2; sequence <= 11; sequence++) expect(await append(1, sequence)).toEqual({ kind: 'ok' });
    expect(await append(1, 2)).toEqual({ kind: 'dup' });
    expect(await append(1, 11)).toEqual({ kind: 'dup' });
    const { until, places } = read(to);
    await until(11);
    expect(places()).toEqual(Array.from({ length: 11 }, (_, index) => `1.${index + 1}`));
  });

  test('a new run begins with its first; then nothing of a run before is taken any more', async () => {
    const to = await open();
    const append = sender(to);
    // Runs may have been begun without anything of them being taken.
    expect(await append(3, 1)).toEqual({ kind: 'ok' });
    expect(await append(10, 2)).toEqual({ kind: 'gap' });
    expect(await append(3, 2)).toEqual({ kind: 'ok' });
    expect(await append(10, 1)).toEqual({ kind: 'ok' });
    for (const sequence of [1, 2, 3, 4]) expect(await append(3, sequence)).toEqual({ kind: 'dup' });
    expect(await append(10, 1)).toEqual({ kind: 'dup' });
    expect(await append(10, 3)).toEqual({ kind: 'gap' });
    expect(await append(10, 2)).toEqual({ kind: 'ok' });
    const { until, places } = read(to);
    await until(4);
    expect(places()).toEqual(['3.1', '3.2', '10.1', '10.2']);
  });

  test('each sending node has its own runs, and each node its own stream', async () => {
    const [to, other, from] = [await open(), await open(), newNode()];
    expect(await sender(to, from)(1, 1)).toEqual({ kind: 'ok' });
    expect(await sender(to)(1, 2)).toEqual({ kind: 'gap' });
    expect(await sender(to)(1, 1)).toEqual({ kind: 'ok' });
    expect(await sender(other, from)(1, 2)).toEqual({ kind: 'gap' });
    expect(await sender(other, from)(1, 1)).toEqual({ kind: 'ok' });
    const { until, texts } = read(other);
    await until(1);
    expect(texts()).toEqual([`${from} 1.1`]);
  });

  test('envelopes are any bytes', async () => {
    const to = await open();
    const append = sender(to);
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const holder = new Uint8Array(300);
    holder.set(all, 20);
    const { until, envelopes } = read(to);
    await append(1, 1, { envelope: holder.subarray(20, 276) });
    await append(1, 2, { envelope: new Uint8Array(200_000).fill(0xfe) });
    await until(2);
    expect([...(envelopes[0] ?? [])]).toEqual([...all]);
    expect(envelopes[1]?.length).toBe(200_000);
  });

  test('over its bytes it is full, and the reader makes room for all of them again', async () => {
    const to = await open();
    const append = sender(to);
    const bytes = (count: number) => ({ envelope: new Uint8Array(count), maxBytes: 100 });
    expect(await append(1, 1, bytes(60))).toEqual({ kind: 'ok' });
    expect(await append(1, 2, bytes(41))).toEqual({ kind: 'full' });
    expect(await sender(to)(1, 1, bytes(41))).toEqual({ kind: 'full' });
    expect(await append(1, 2, bytes(40))).toEqual({ kind: 'ok' });
    expect(await append(1, 3, bytes(1))).toEqual({ kind: 'full' });
    // It is there, so nothing is to be sent again.
    expect(await append(1, 2, bytes(40))).toEqual({ kind: 'dup' });
    const { until } = read(to);
    await until(2);
    await taken(() => append(1, 3, bytes(100)));
    await until(3);
  });

  test('an empty stream takes an envelope of any size, and nothing beside it', async () => {
    const to = await open();
    const append = sender(to);
    const bytes = (count: number) => ({ envelope: new Uint8Array(count), maxBytes: 100 });
    expect(await append(1, 1, bytes(5000))).toEqual({ kind: 'ok' });
    expect(await append(1, 2, bytes(1))).toEqual({ kind: 'full' });
    const { until } = read(to);
    await until(1);
    await taken(() => append(1, 2, bytes(5000)));
    await until(2);
  });

  test('what was handed over does not come again to the next reader', async () => {
    const to = await open();
    const append = sender(to);
    for (const sequence of [1, 2, 3]) await append(1, sequence);
    const first = read(to);
    await first.until(3);
    await tunnels().stop();
    await append(1, 4);
    const second = read(to);
    await second.until(1);
    expect([first.places(), second.places()]).toEqual([['1.1', '1.2', '1.3'], ['1.4']]);
  });

  test('nothing is handed over after stop, and a second reader is refused', async () => {
    const to = await open();
    const { envelopes } = read(to);
    expect(() => tunnels().start(to, () => undefined)).toThrow('being read already');
    await tunnels().stop();
    await tunnels().stop();
    await sender(to)(1, 1);
    const next = read(to);
    await next.until(1);
    expect(envelopes).toEqual([]);
  });

  test('many senders at once: each one’s envelopes come in its order, none twice', async () => {
    const to = await open();
    const senders = Array.from({ length: 8 }, () => newNode());
    const { until, texts } = read(to);
    const each = 60;
    await Promise.all(
      senders.map(async (from) => {
        const append = sender(to, from);
        for (let sequence = 1; sequence <= each; sequence++) {
          // Every append goes out twice, as after a lost answer.
          const replies = await Promise.all([append(2, sequence), append(2, sequence)]);
          expect(replies.map(({ kind }) => kind).sort()).toEqual(['dup', 'ok']);
        }
      }),
    );
    await until(senders.length * each);
    for (const from of senders) {
      const own = texts().filter((text) => text.startsWith(`${from} `));
      expect(own).toEqual(Array.from({ length: each }, (_, index) => `${from} 2.${index + 1}`));
    }
  });

  test('a node is missing until its inbox is opened, and takes envelopes while it drains', async () => {
    const to = newNode();
    const append = sender(to);
    expect(await append(1, 1)).toEqual({ kind: 'missing' });
    await get().store.inbox.open(to);
    expect(await append(1, 1)).toEqual({ kind: 'ok' });
    await get().store.inbox.close(to);
    expect(await append(1, 2)).toEqual({ kind: 'ok' });
    const { until } = read(to);
    await until(2);
  });

  test('a node that has left is gone, and for good', async () => {
    const to = await open();
    const append = sender(to);
    await append(1, 1);
    await get().store.inbox.remove(to);
    for (const sequence of [1, 2]) expect(await append(1, sequence)).toEqual({ kind: 'gone' });
    expect(await append(2, 1)).toEqual({ kind: 'gone' });
    expect(await sender(to)(1, 1)).toEqual({ kind: 'gone' });
  });

  test('a dead node is gone as soon as it is reaped, and for good', async () => {
    const to = await open();
    const append = sender(to);
    await append(1, 1);
    const { reaping } = get().store;
    const { lock } = of('held', await reaping.take(to, newNode(), HOLD_MS));
    expect(await append(1, 2)).toEqual({ kind: 'gone' });
    of('finished', await reaping.finish(lock));
    expect(await append(1, 2)).toEqual({ kind: 'gone' });
    expect(await append(2, 1)).toEqual({ kind: 'gone' });
  });

  test('what the store has lost is a gap; a new run goes on, and the reader with it', async () => {
    const to = await open();
    const append = sender(to);
    const { until, places } = read(to);
    await append(1, 1);
    await until(1);
    await get().loseInbox(to);
    expect(await append(1, 2)).toEqual({ kind: 'missing' });
    await get().store.inbox.open(to);
    expect(await append(1, 2)).toEqual({ kind: 'gap' });
    expect(await append(2, 1)).toEqual({ kind: 'ok' });
    expect(await append(2, 2)).toEqual({ kind: 'ok' });
    await until(3);
    expect(places()).toEqual(['1.1', '2.1', '2.2']);
  });
}
