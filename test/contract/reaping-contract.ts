import type { NodeId } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { newNode, of } from './fixtures.ts';
import type { Implementation } from './implementation.ts';
import { envelope } from './link-traffic.ts';

const HOLD_MS = 60_000;

export function reapingContract(get: () => Implementation): void {
  const reaping = () => get().store.reaping;

  /** A dead node that has been handed so many envelopes. */
  async function dead(count: number) {
    const [node, from] = [newNode('dead'), newNode()];
    await get().store.inbox.open(node);
    const append = (sequence: number, exempt = false) =>
      get().store.links.append(envelope(from, node, sequence, sequence, { exempt }));
    for (let sequence = 1; sequence <= count; sequence++) expect(await append(sequence)).toEqual({ kind: 'ok' });
    return { node, append, text: (sequence: number) => `${from} ${sequence}-${sequence}` };
  }

  async function take(node: NodeId, reaper: NodeId, holdMs = HOLD_MS) {
    return of('held', await reaping().take(node, reaper, holdMs)).lock;
  }

  test('the lock stops all appends; what was taken before is answered as before', async () => {
    const { node, append } = await dead(2);
    await take(node, newNode());
    expect(await append(3)).toEqual({ kind: 'reaping' });
    expect(await append(3, true)).toEqual({ kind: 'reaping' });
    expect(await append(2)).toEqual({ kind: 'dup' });
  });

  test('the dead node finds out, and neither closes its inbox, nor opens, nor removes it', async () => {
    const { node, append } = await dead(1);
    const { inbox } = get().store;
    const lock = await take(node, newNode());
    expect(await inbox.open(node)).toEqual({ kind: 'ended' });
    expect(await inbox.remove(node)).toEqual({ kind: 'superseded' });
    await inbox.close(node);
    expect(await append(2, true)).toEqual({ kind: 'reaping' });
    expect(of('entries', await reaping().read(node, '', 10)).entries).toHaveLength(1);
    expect(await reaping().finish(lock)).toEqual({ kind: 'finished' });
    expect(await inbox.open(node)).toEqual({ kind: 'ended' });
    expect(await inbox.remove(node)).toEqual({ kind: 'removed' });
    expect(await append(2)).toEqual({ kind: 'reaped', last: 1 });
  });

  test('one node at a time holds the lock, and renews it under the same token', async () => {
    const { node } = await dead(0);
    const [one, other] = [newNode(), newNode()];
    const lock = await take(node, one);
    expect(lock).toEqual({ dead: node, reaper: one, token: lock.token });
    expect(await reaping().take(node, other, HOLD_MS)).toEqual({ kind: 'taken' });
    expect(await take(node, one)).toEqual(lock);
  });

  test('a renewal is for its own time', async () => {
    const { node } = await dead(0);
    const [one, other] = [newNode(), newNode()];
    await take(node, one, 40);
    await take(node, one);
    await get().advance(50);
    expect(await reaping().take(node, other, HOLD_MS)).toEqual({ kind: 'taken' });
  });

  test('a lock that has run out is taken over under a higher token, and the former reaper has lost it', async () => {
    const { node, append } = await dead(1);
    const [one, other] = [newNode(), newNode()];
    const first = await take(node, one, 40);
    await get().advance(50);
    const second = await take(node, other);
    expect(second.token).toBeGreaterThan(first.token);
    expect(await reaping().take(node, one, HOLD_MS)).toEqual({ kind: 'taken' });
    expect(await reaping().finish(first)).toEqual({ kind: 'superseded' });
    expect(await append(2)).toEqual({ kind: 'reaping' });
    expect(of('entries', await reaping().read(node, '', 10)).entries).toHaveLength(1);
    expect(await reaping().finish(second)).toEqual({ kind: 'finished' });
    expect(await append(2)).toEqual({ kind: 'reaped', last: 1 });
  });

  test('a lock that comes back to a node that had lost it has a higher token again', async () => {
    const { node } = await dead(0);
    const [one, other] = [newNode(), newNode()];
    const first = await take(node, one, 40);
    await get().advance(50);
    await take(node, other, 40);
    await get().advance(50);
    const third = await take(node, one);
    expect(third.token).toBeGreaterThan(first.token + 1);
    expect(await reaping().finish(first)).toEqual({ kind: 'superseded' });
  });

  test('the log is read in order, a part at a time', async () => {
    const { node, text } = await dead(5);
    await take(node, newNode());
    const texts: string[] = [];
    const sizes: number[] = [];
    for (let after = '', more = true; more; ) {
      const { entries } = of('entries', await reaping().read(node, after, 2));
      texts.push(...entries.map((entry) => Buffer.from(entry.envelope).toString()));
      sizes.push(entries.length);
      after = entries.at(-1)?.id ?? '';
      more = after !== '';
    }
    expect([sizes, texts]).toEqual([[2, 2, 1, 0], [1, 2, 3, 4, 5].map(text)]);
  });

  test('a finish that is repeated is finished; then nothing is left to do for anybody', async () => {
    const { node, append } = await dead(1);
    const reaper = newNode();
    const lock = await take(node, reaper);
    for (let repeat = 0; repeat < 2; repeat++) expect(await reaping().finish(lock)).toEqual({ kind: 'finished' });
    for (const one of [reaper, newNode()]) {
      expect(await reaping().take(node, one, HOLD_MS)).toEqual({ kind: 'reaped' });
    }
    expect(of('entries', await reaping().read(node, '', 10)).entries).toEqual([]);
    expect(await append(1)).toEqual({ kind: 'reaped', last: 1 });
  });

  test('a node that left well, or whose inbox the store has lost, leaves nothing to reap', async () => {
    const [left, lost] = [await dead(1), await dead(1)];
    await get().store.inbox.remove(left.node);
    expect(await reaping().take(left.node, newNode(), HOLD_MS)).toEqual({ kind: 'reaped' });
    const lock = await take(lost.node, newNode());
    await get().loseInbox(lost.node);
    expect(await reaping().finish(lock)).toEqual({ kind: 'superseded' });
    expect(await reaping().take(lost.node, newNode(), HOLD_MS)).toEqual({ kind: 'reaped' });
    expect(of('entries', await reaping().read(lost.node, '', 10)).entries).toEqual([]);
  });

  test('a node that was leaving is reaped like any other', async () => {
    const { node, append } = await dead(1);
    await get().store.inbox.close(node);
    await take(node, newNode());
    expect(await append(2, true)).toEqual({ kind: 'reaping' });
  });
}
