import { expect, test } from 'vitest';
import type { NodeRecord } from '../../services/relay/src/core/ports.ts';
import { newNode, of } from './fixtures.ts';
import type { Implementation } from './implementation.ts';

export function membershipContract(get: () => Implementation): void {
  const membership = () => get().store.membership;
  const record = (node = newNode(), connections = 3) =>
    ({ node, region: 'eu', url: 'wss://é.example/"x"', connections, state: 'live' }) as const;
  const find = async (node: string): Promise<NodeRecord | undefined> =>
    of('nodes', await membership().nodes()).nodes.find((one) => one.node === node);

  test('a renewal writes the record, later ones extend the lease and keep the start', async () => {
    const { node } = record();
    expect(await membership().renew(record(node), 5000)).toEqual({ kind: 'renewed' });
    const first = (await find(node)) as NodeRecord;
    expect(first).toEqual({ ...record(node), since: first.leaseUntil - 5000, leaseUntil: first.leaseUntil });
    await get().advance(10);
    await membership().renew({ ...record(node, 4), state: 'draining' }, 5000);
    const second = await find(node);
    expect(second).toMatchObject({ connections: 4, state: 'draining', since: first.since });
    expect(second?.leaseUntil).toBeGreaterThan(first.leaseUntil);
  });

  test('nodes that leave are gone, twice over', async () => {
    const one = record();
    await membership().renew(one, 5000);
    for (let repeat = 0; repeat < 2; repeat++) expect(await membership().leave(one.node)).toEqual({ kind: 'left' });
    expect(await find(one.node)).toBeUndefined();
  });

  test('a node that was declared dead is told so and stays dead', async () => {
    const one = record();
    await membership().renew(one, 5000);
    await get().declareDead((await find(one.node)) as NodeRecord);
    expect(await membership().renew(one, 5000)).toEqual({ kind: 'dead' });
    await membership().leave(one.node);
    expect(await find(one.node)).toMatchObject({ state: 'dead' });
  });
}
