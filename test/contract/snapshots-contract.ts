import { expect, test } from 'vitest';
import { newNode } from './fixtures.ts';
import type { Implementation } from './implementation.ts';

export function snapshotsContract(get: () => Implementation): void {
  const write = (text: string, ttlMs: number, node = newNode()) => get().store.snapshots.write(node, text, ttlMs);
  async function texts(of: string): Promise<string[]> {
    const reply = await get().store.snapshots.read();
    if (reply.kind !== 'snapshots') throw new Error(reply.reason);
    return reply.texts.filter((text) => text.includes(of)).sort();
  }

  test('tells what each node wrote last', async () => {
    const node = newNode();
    expect(await write(`one 1 ${node}`, 10_000, node)).toEqual({ kind: 'written' });
    await write(`two\n${node}\u0000é`, 10_000);
    await write(`one 2 ${node}`, 10_000, node);
    expect(await texts(node)).toEqual([`one 2 ${node}`, `two\n${node}\u0000é`]);
  });

  test('each ends by itself, and one that is written again does not', async () => {
    const [node, other] = [newNode(), newNode()];
    await write(`brief ${node}`, 60);
    await write(`long ${node}`, 10_000);
    await write(`again ${node}`, 60, other);
    await write(`again ${node}`, 10_000, other);
    await get().advance(70);
    expect(await texts(node)).toEqual([`again ${node}`, `long ${node}`]);
    await write('what ends is forgotten with the next', 10_000);
    expect(await texts(node)).toEqual([`again ${node}`, `long ${node}`]);
  });
}
