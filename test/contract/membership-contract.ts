import type { NodeId } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import type { NodeRecord } from '../../services/relay/src/core/ports.ts';
import { newNode, of } from './fixtures.ts';
import type { Implementation } from './implementation.ts';

const LEASE_MS = 60_000;

export function membershipContract(get: () => Implementation): void {
  const membership = () => get().store.membership;
  const record = (node = newNode(), connections = 3) =>
    ({ node, region: 'eu', url: 'wss://é.example/"x"', connections, state: 'live' }) as const;
  const renew = async (node: NodeId, leaseMs = LEASE_MS) =>
    of('renewed', await membership().renew(record(node), leaseMs));
  /** What any node is told of this one. */
  const find = async (node: string): Promise<NodeRecord | undefined> =>
    (await renew(newNode('asker'))).nodes.find((one) => one.node === node);

  /** A node whose lease has run out, and one that has had its own for at least 50 ms. */
  async function overdue() {
    const [dead, by] = [newNode('dead'), newNode('by')];
    await renew(by);
    await renew(dead, 40);
    await get().advance(50);
    return { dead, by, declare: (leaseMs = 50) => membership().declareDead(dead, by, leaseMs) };
  }

  test('a renewal writes the record, later ones extend the lease and keep the start', async () => {
    const { node } = record();
    const { now, nodes } = await renew(node, 5000);
    const first = nodes.find((one) => one.node === node) as NodeRecord;
    expect(first).toMatchObject({ ...record(node), since: now, steadySince: now, leaseUntil: now + 5000 });
    await get().advance(10);
    const reply = await membership().renew({ ...record(node, 4), state: 'draining' }, 5000);
    const second = of('renewed', reply).nodes.find((one) => one.node === node);
    expect(second).toMatchObject({ connections: 4, state: 'draining', since: now, steadySince: now });
    expect(second?.leaseUntil).toBeGreaterThan(first.leaseUntil);
    expect(second?.leaseUntil).toBe(of('renewed', reply).now + 5000);
  });

  test('a renewal answers all nodes, those whose lease has run out as well', async () => {
    const [one, other, late] = [newNode(), newNode(), newNode('late')];
    await renew(late, 1);
    await renew(one);
    await get().advance(10);
    const { now, nodes } = await renew(other);
    const known = nodes.filter(({ node }) => [one, other, late].includes(node));
    expect(known.map(({ node }) => node).sort()).toEqual([one, other, late].sort());
    for (const { node, leaseUntil } of known) expect([node, leaseUntil < now]).toEqual([node, node === late]);
  });

  test('a lease that ran out begins anew: it has not been steady since', async () => {
    const node = newNode();
    const first = await renew(node, 40);
    await get().advance(50);
    const { now, nodes } = await renew(node);
    const own = nodes.find((one) => one.node === node);
    expect(own).toMatchObject({ since: first.now, steadySince: now });
    expect(now).toBeGreaterThan(first.now);
  });

  test('so does one that is renewed late, with less than half of it left', async () => {
    const node = newNode();
    const steadySince = (reply: Awaited<ReturnType<typeof renew>>) =>
      reply.nodes.find((one) => one.node === node)?.steadySince;
    const first = await renew(node, 40_000);
    await get().advance(5);
    expect(steadySince(await renew(node, 60_000))).toBe(first.now);
    const late = await renew(node, 200_000);
    expect(late.now).toBeGreaterThan(first.now);
    expect(steadySince(late)).toBe(late.now);
    expect(steadySince(await renew(node, 200_000))).toBe(late.now);
  });

  test('nodes that leave are gone, twice over', async () => {
    const node = newNode();
    await renew(node);
    for (let repeat = 0; repeat < 2; repeat++) expect(await membership().leave(node)).toEqual({ kind: 'left' });
    expect(await find(node)).toBeUndefined();
    expect(await membership().leave(newNode('unknown'))).toEqual({ kind: 'left' });
  });

  describe('a node is declared dead', () => {
    test('when its lease has run out, by one whose own has been steady; as often as one likes', async () => {
      const { dead, declare } = await overdue();
      for (let repeat = 0; repeat < 2; repeat++) expect(await declare()).toEqual({ kind: 'declared' });
      expect(await find(dead)).toMatchObject({ ...record(dead), state: 'dead' });
    });

    test('not while its lease lasts', async () => {
      const { dead, declare } = await overdue();
      await renew(dead);
      expect(await declare()).toEqual({ kind: 'refused' });
      expect(await find(dead)).toMatchObject({ state: 'live' });
    });

    test('not by one that has not had its lease for long, or not without a break, or not any more', async () => {
      const { dead, by, declare } = await overdue();
      expect(await declare(LEASE_MS)).toEqual({ kind: 'refused' });
      await renew(by, 40);
      await get().advance(50);
      expect(await declare()).toEqual({ kind: 'refused' });
      await renew(by);
      expect(await declare(LEASE_MS)).toEqual({ kind: 'refused' });
      expect(await find(dead)).toMatchObject({ state: 'live' });
      await get().advance(60);
      expect(await declare(50)).toEqual({ kind: 'declared' });
    });

    test('not by one that is not known, and not if it is not known', async () => {
      const { dead, by } = await overdue();
      expect(await membership().declareDead(dead, newNode(), 0)).toEqual({ kind: 'refused' });
      expect(await membership().declareDead(newNode(), by, 0)).toEqual({ kind: 'refused' });
      expect(await find(dead)).toMatchObject({ state: 'live' });
    });
  });

  test('a node that was declared dead is told so, cannot leave, and is remembered when it has been reaped', async () => {
    const { dead, declare } = await overdue();
    await declare();
    expect(await membership().renew(record(dead), LEASE_MS)).toEqual({ kind: 'dead' });
    await membership().leave(dead);
    expect(await find(dead)).toMatchObject({ state: 'dead' });
    for (let repeat = 0; repeat < 2; repeat++) {
      expect(await membership().bury(dead)).toEqual({ kind: 'buried' });
      expect(await find(dead)).toMatchObject({ state: 'reaped' });
      expect(await membership().renew(record(dead), LEASE_MS)).toEqual({ kind: 'dead' });
      await membership().leave(dead);
    }
    await get().advance(10);
    expect(await declare()).toEqual({ kind: 'declared' });
    expect(await find(dead)).toMatchObject({ state: 'reaped' });
  });

  test('only the dead are buried', async () => {
    const [live, unknown] = [newNode(), newNode()];
    await renew(live);
    for (const node of [live, unknown]) expect(await membership().bury(node)).toEqual({ kind: 'buried' });
    expect([await find(live), await find(unknown)]).toEqual([expect.objectContaining({ state: 'live' }), undefined]);
  });
}
