import type { NodeId } from '@causeway/protocol';
import { expect, onTestFinished, test } from 'vitest';
import type { InboxEntry } from '../../services/relay/src/core/ports.ts';
import { waitFor } from '../kit/wait.ts';
import { newNode, of } from './fixtures.ts';
import type { Implementation } from './implementation.ts';
import { envelope } from './link-traffic.ts';

export function inboxContract(get: () => Implementation): void {
  const inbox = () => get().store.inbox;
  const opened = (created: boolean) => ({ kind: 'opened', created });

  /** A node that sends to a new one, and the new one. */
  function pair() {
    const [to, from] = [newNode(), newNode()];
    const append = (sequence: number, exempt = false, acked = 0) =>
      get().store.links.append(envelope(from, to, sequence, sequence, { exempt, acked }));
    return { to, append, text: (sequence: number) => `${from} ${sequence}-${sequence}` };
  }

  /** Reads a node's inbox until the test ends. */
  function read(node: NodeId) {
    const entries: InboxEntry[] = [];
    inbox().start(node, (some) => entries.push(...some));
    onTestFinished(() => inbox().stop());
    return {
      entries,
      texts: () => entries.map((entry) => Buffer.from(entry.envelope).toString()),
      until: (count: number) => waitFor(() => entries.length >= count, { what: `${count} entries have come` }),
    };
  }

  test('is missing until it is opened, which can be repeated', async () => {
    const { to, append } = pair();
    expect(await append(1)).toEqual({ kind: 'missing' });
    expect(await append(1, true)).toEqual({ kind: 'missing' });
    expect(await inbox().open(to)).toEqual(opened(true));
    expect(await append(1)).toEqual({ kind: 'ok' });
    expect(await inbox().open(to)).toEqual(opened(false));
    expect(await append(1)).toEqual({ kind: 'dup' });
  });

  test('that is lost is missing until it is opened again; its reader goes on there', async () => {
    const { to, append, text } = pair();
    await inbox().open(to);
    const { until, texts } = read(to);
    expect(await append(1)).toEqual({ kind: 'ok' });
    await until(1);
    await get().loseInbox(to);
    expect(await append(2, false, 1)).toEqual({ kind: 'missing' });
    expect(await inbox().open(to)).toEqual(opened(true));
    expect(await append(3, false, 1)).toEqual({ kind: 'gap', last: 0 });
    expect(await append(2, false, 1)).toEqual({ kind: 'ok' });
    await until(2);
    expect(texts()).toEqual([text(1), text(2)]);
  });

  test('that is closing takes exempt envelopes only, and is not opened again', async () => {
    const { to, append } = pair();
    await inbox().open(to);
    expect(await append(1)).toEqual({ kind: 'ok' });
    for (const exempt of [2, 3]) {
      expect(await inbox().close(to)).toMatchObject({ kind: 'closed' });
      expect(await append(exempt)).toEqual({ kind: 'closing' });
      expect(await append(exempt, true)).toEqual({ kind: 'ok' });
      // It had been taken before: that is what its sender has to know.
      expect(await append(1)).toEqual({ kind: 'dup' });
      expect(await inbox().open(to)).toEqual({ kind: 'ended' });
    }
    expect(await append(5)).toEqual({ kind: 'closing' });
    expect(await append(5, true)).toEqual({ kind: 'gap', last: 3 });
  });

  test('that was removed tells each sender how far it had come, and is gone for good', async () => {
    const { to, append } = pair();
    const other = newNode();
    await inbox().open(to);
    for (const sequence of [1, 2]) await append(sequence);
    await inbox().close(to);
    for (let repeat = 0; repeat < 2; repeat++) {
      expect(await inbox().remove(to)).toEqual({ kind: 'removed' });
      expect(await append(2)).toEqual({ kind: 'reaped', last: 2 });
      expect(await append(3, true)).toEqual({ kind: 'reaped', last: 2 });
      expect(await get().store.links.append(envelope(other, to, 1))).toEqual({ kind: 'reaped', last: 0 });
    }
    expect(await inbox().close(to)).toMatchObject({ kind: 'closed' });
    expect(await inbox().open(to)).toEqual({ kind: 'ended' });
    expect(await append(3)).toEqual({ kind: 'reaped', last: 2 });
    expect(of('entries', await get().store.reaping.read(to, '', 10)).entries).toEqual([]);
  });

  test('that is closing stays readable, and tells its last entry, also when that is trimmed', async () => {
    const { to, append, text } = pair();
    await inbox().open(to);
    expect(await inbox().close(await opensAnother())).toEqual({ kind: 'closed', last: '0-0' });
    await append(1);
    const closed = await inbox().close(to);
    const { until, texts, entries } = read(to);
    await until(1);
    expect(texts()).toEqual([text(1)]);
    const [entry] = entries as [InboxEntry];
    expect(closed).toEqual({ kind: 'closed', last: entry.id });
    await inbox().trim(to, entry.id, entry.envelope.length);
    expect(await inbox().close(to)).toEqual({ kind: 'closed', last: entry.id });
  });

  async function opensAnother(): Promise<NodeId> {
    const node = newNode();
    await inbox().open(node);
    return node;
  }
}
