import { afterEach, describe, expect, test } from 'vitest';
import { fakeOperations, startAdmin } from '../../../../../test/kit/admin-server.ts';
import { Scope } from '../../../../../test/kit/scope.ts';
import type { NodeOperations } from '../operations.ts';

const scope = new Scope();
afterEach(() => scope.end());

async function setUp(nodes: Partial<NodeOperations>) {
  const calls: string[] = [];
  const entries: unknown[] = [];
  const audit = {
    append: async (_by: string, action: string, details: object) => void entries.push([action, details]),
  };
  const given = { nodes: { connections: () => 7, ...nodes }, audit };
  return { ...scope.keep(await startAdmin(fakeOperations(calls, given))), calls, entries };
}

describe('a drain', () => {
  test.each(['/admin/drain', '/admin/nodes/self/drain'])('%s begins behind its answer', async (path) => {
    let begun = (): void => undefined;
    const begins = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const { ask, entries } = await setUp({ drain: () => begun() });
    const { status, body } = await ask('POST', path, 'operate-token', '{}');
    expect([status, body.status]).toEqual([202, 'draining']);
    expect(entries).toEqual([['node.drain', { node: 'self' }]]);
    await begins;
  });

  test('of the node that is asked tells how long it may take', async () => {
    const { ask } = await setUp({ drain: () => undefined });
    const { body } = await ask('POST', '/admin/drain', 'operate-token');
    expect(body).toEqual({ status: 'draining', connections: 7, drainSeconds: 25 });
  });

  test('of another node is passed on', async () => {
    const told: unknown[] = [];
    const tell: NodeOperations['tell'] = async (...order) => {
      told.push(order);
      return { kind: 'published' };
    };
    const { ask, entries } = await setUp({ tell });
    expect(await ask('POST', '/admin/nodes/other/drain', 'operate-token')).toMatchObject({
      status: 202,
      body: { node: 'other', status: 'told' },
    });
    await ask('POST', '/admin/nodes/other/rebalance', 'operate-token', { limit: 3 });
    expect(told).toEqual([
      ['other', { kind: 'drain' }],
      ['other', { kind: 'rebalance', limit: 3 }],
    ]);
    expect(entries).toEqual([
      ['node.drain', { node: 'other' }],
      ['node.rebalance', { node: 'other', limit: 3 }],
    ]);
  });

  test.each([
    [{ kind: 'unknown' } as const, 404, 'not_found', []],
    [
      { kind: 'unavailable', reason: 'away' } as const,
      503,
      'unavailable',
      [['node.drain', { node: 'other', outcome: 'unknown' }]],
    ],
  ])('that comes to %j', async (reply, status, code, noted) => {
    const { ask, entries } = await setUp({ tell: async () => reply });
    expect(await ask('POST', '/admin/nodes/other/drain', 'operate-token')).toMatchObject({ status, body: { code } });
    expect(entries).toEqual(noted);
  });
});

describe('a rebalance', () => {
  test('says how many are sent away', async () => {
    const limits: unknown[] = [];
    const rebalance: NodeOperations['rebalance'] = (limit) => {
      limits.push(limit);
      return { kind: 'started', count: 20, seconds: 2, mean: 33.333 };
    };
    const { ask, entries } = await setUp({ rebalance });
    const first = await ask('POST', '/admin/rebalance', 'operate-token', { limit: 5 });
    expect([first.status, first.body]).toEqual([202, { sentAway: 20, seconds: 2, meanConnections: 33.3 }]);
    expect((await ask('POST', '/admin/nodes/self/rebalance', 'operate-token')).body).toEqual({
      node: 'self',
      status: 'rebalancing',
    });
    expect(limits).toEqual([5, undefined]);
    expect(entries).toMatchObject([
      ['node.rebalance', { limit: 5 }],
      ['node.rebalance', { node: 'self' }],
    ]);
  });

  test.each([
    [{ kind: 'nowhere', surplus: 3, mean: 5 } as const, { code: 'nowhere_to_go', surplus: 3 }],
    [{ kind: 'running', left: 3 } as const, { code: 'running', left: 3 }],
    [{ kind: 'draining' } as const, { code: 'draining' }],
  ])('%j is refused, and nothing noted', async (reply, body) => {
    const { ask, entries } = await setUp({ rebalance: () => reply });
    for (const path of ['/admin/rebalance', '/admin/nodes/self/rebalance']) {
      expect(await ask('POST', path, 'operate-token')).toMatchObject({ status: 409, body });
    }
    expect(entries).toEqual([]);
  });

  test('without a surplus does nothing', async () => {
    const { ask } = await setUp({ rebalance: () => ({ kind: 'balanced', mean: 5 }) });
    expect(await ask('POST', '/admin/rebalance', 'operate-token')).toMatchObject({
      status: 200,
      body: { sentAway: 0, seconds: 0, meanConnections: 5 },
    });
    expect((await ask('POST', '/admin/nodes/self/rebalance', 'operate-token')).body.status).toBe('balanced');
  });
});
