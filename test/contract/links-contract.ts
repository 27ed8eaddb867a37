import type { NodeId } from '@causeway/protocol';
import { expect, onTestFinished, test } from 'vitest';
import type { InboxEntry } from '../../services/relay/src/core/ports.ts';
import { waitFor } from '../kit/wait.ts';
import { newNode } from './fixtures.ts';
import type { Implementation } from './implementation.ts';
import { envelope } from './link-traffic.ts';

export function linksContract(get: () => Implementation): void {
  const links = () => get().store.links;
  const inbox = () => get().store.inbox;

  async function open(): Promise<NodeId> {
    const node = newNode();
    expect(await inbox().open(node)).toEqual({ kind: 'opened', created: true });
    return node;
  }

  /** Reads a node's inbox until the test ends; the entries so far, as text. */
  function read(node: NodeId) {
    const entries: InboxEntry[] = [];
    inbox().start(node, (some) => entries.push(...some));
    onTestFinished(() => inbox().stop());
    const texts = () => entries.map((entry) => Buffer.from(entry.envelope).toString());
    const until = (count: number) =>
      waitFor(() => entries.length >= count, { what: `${count} entries have come, not ${entries.length}` });
    return { entries, texts, until };
  }

  test('appends are taken once and in order', async () => {
    const [to, from] = [await open(), newNode()];
    const append = (first: number, last: number) => links().append(envelope(from, to, first, last));
    expect(await append(2, 2)).toEqual({ kind: 'gap', last: 0 });
    expect(await append(1, 3)).toEqual({ kind: 'ok' });
    expect(await append(1, 3)).toEqual({ kind: 'dup' });
    expect(await append(2, 2)).toEqual({ kind: 'dup' });
    expect(await append(2, 4)).toEqual({ kind: 'gap', last: 3 });
    expect(await append(5, 5)).toEqual({ kind: 'gap', last: 3 });
    expect(await append(4, 4)).toEqual({ kind: 'ok' });
    expect(await append(5, 9)).toEqual({ kind: 'ok' });
    const { until, texts } = read(to);
    await until(3);
    expect(texts()).toEqual([`${from} 1-3`, `${from} 4-4`, `${from} 5-9`]);
  });

  test('each sending node has its own sequence', async () => {
    const [to, one, other] = [await open(), newNode(), newNode()];
    expect(await links().append(envelope(one, to, 1, 5))).toEqual({ kind: 'ok' });
    expect(await links().append(envelope(other, to, 6))).toEqual({ kind: 'gap', last: 0 });
    expect(await links().append(envelope(other, to, 1))).toEqual({ kind: 'ok' });
  });

  test('envelopes are any bytes, and ids grow', async () => {
    const [to, from] = [await open(), newNode()];
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const holder = new Uint8Array(300);
    holder.set(all, 20);
    const { until, entries } = read(to);
    await links().append(envelope(from, to, 1, 1, { envelope: holder.subarray(20, 276) }));
    await links().append(envelope(from, to, 2, 2, { envelope: new Uint8Array(200_000).fill(0xfe) }));
    await until(2);
    expect([...(entries[0]?.envelope ?? [])]).toEqual([...all]);
    expect(entries[1]?.envelope.length).toBe(200_000);
    expect(entries[0]?.id).not.toBe(entries[1]?.id);
  });

  test('over the byte limit it is full, but for exempt envelopes; trimming makes room', async () => {
    const [to, from] = [await open(), newNode()];
    const append = (sequence: number, bytes: number, exempt = false) =>
      links().append(
        envelope(from, to, sequence, sequence, { exempt, envelope: new Uint8Array(bytes), inboxBytes: 100 }),
      );
    expect(await append(1, 60)).toEqual({ kind: 'ok' });
    expect(await append(2, 41)).toEqual({ kind: 'full' });
    expect(await append(2, 40)).toEqual({ kind: 'ok' });
    expect(await append(3, 1)).toEqual({ kind: 'full' });
    expect(await append(3, 30, true)).toEqual({ kind: 'ok' });
    expect(await append(4, 1)).toEqual({ kind: 'full' });
    const { until, entries } = read(to);
    await until(3);
    const [first] = entries as [InboxEntry];
    await inbox().trim(to, first.id, 60);
    // A repetition must not count twice: 70 of 100 bytes are held.
    await inbox().trim(to, first.id, 60);
    expect(await append(4, 31)).toEqual({ kind: 'full' });
    expect(await append(4, 30)).toEqual({ kind: 'ok' });
  });

  test('an emptied log holds nothing, even when less was reported', async () => {
    const [to, from] = [await open(), newNode()];
    const append = (sequence: number) =>
      links().append(envelope(from, to, sequence, sequence, { envelope: new Uint8Array(100), inboxBytes: 100 }));
    await append(1);
    const { until, entries } = read(to);
    await until(1);
    await inbox().trim(to, (entries[0] as InboxEntry).id, 1);
    expect(await append(2)).toEqual({ kind: 'ok' });
  });

  test('what the other node has read need not be there: numbers up to there may be missing, and no others', async () => {
    const [to, from] = [await open(), newNode()];
    const append = (first: number, last: number, acked: number) =>
      links().append(envelope(from, to, first, last, { acked }));
    expect(await append(6, 7, 4)).toEqual({ kind: 'gap', last: 0 });
    expect(await append(5, 7, 4)).toEqual({ kind: 'ok' });
    expect(await append(3, 4, 4)).toEqual({ kind: 'dup' });
    expect(await append(9, 9, 7)).toEqual({ kind: 'gap', last: 7 });
    expect(await append(9, 9, 8)).toEqual({ kind: 'ok' });
    expect(await append(10, 10, 3)).toEqual({ kind: 'ok' });
    // Half of it is there: an acknowledgment does not make it whole.
    expect(await append(10, 11, 10)).toEqual({ kind: 'gap', last: 10 });
  });

  test('many senders at once: each one’s envelopes come in its order, none twice', async () => {
    const to = await open();
    const senders = Array.from({ length: 8 }, () => newNode());
    const { until, texts } = read(to);
    const each = 100;
    await Promise.all(
      senders.map(async (from) => {
        for (let sequence = 1; sequence <= each; sequence++) {
          // Every append goes out twice, as after a lost answer.
          const replies = await Promise.all([0, 1].map(() => links().append(envelope(from, to, sequence))));
          expect(replies.map(({ kind }) => kind).sort()).toEqual(['dup', 'ok']);
        }
      }),
    );
    await until(senders.length * each);
    for (const from of senders) {
      const own = texts().filter((text) => text.startsWith(`${from} `));
      expect(own).toEqual(Array.from({ length: each }, (_, index) => `${from} ${index + 1}-${index + 1}`));
    }
  });

  test('what was trimmed does not come again to the next reader; the rest does', async () => {
    const [to, from] = [await open(), newNode()];
    for (let sequence = 1; sequence <= 3; sequence++) await links().append(envelope(from, to, sequence));
    const first = read(to);
    await first.until(3);
    await inbox().trim(to, first.entries[1]?.id ?? '', 1);
    await inbox().stop();
    const second = read(to);
    await second.until(1);
    expect(second.texts()).toEqual([`${from} 3-3`]);
  });

  test('nothing is handed over after stop, and a second reader is refused', async () => {
    const [to, from] = [await open(), newNode()];
    const { entries } = read(to);
    expect(() => inbox().start(to, () => undefined)).toThrow('being read already');
    await inbox().stop();
    await inbox().stop();
    await links().append(envelope(from, to, 1));
    const next = read(to);
    await next.until(1);
    expect(entries).toEqual([]);
  });
}
