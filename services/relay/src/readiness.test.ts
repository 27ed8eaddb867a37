import { expect, test, vi } from 'vitest';
import type { StoreHealth } from './core/ports.ts';
import { Readiness } from './readiness.ts';

type Health = Awaited<ReturnType<StoreHealth['check']>>;

function setUp(health: Health = { kind: 'healthy' }, cameBack = true, connections = 0) {
  const echo = vi.fn(async () => cameBack);
  const readiness = new Readiness({
    relay: { echo },
    health: { check: async () => health },
    connections: () => connections,
    maxConnections: 10,
  });
  return { echo, readiness };
}

test('is ready when nothing speaks against it, and asks once for those who ask together', async () => {
  const { echo, readiness } = setUp();
  expect(await Promise.all([readiness.reasons(), readiness.reasons()])).toEqual([[], []]);
  expect([readiness.isReady, echo.mock.calls.length]).toEqual([true, 1]);
});

test('names every reason', async () => {
  const { readiness } = setUp({ kind: 'unhealthy', reason: 'it evicts' }, false, 10);
  expect(await readiness.reasons()).toEqual([
    expect.stringContaining('did not come back'),
    'it evicts',
    'all 10 connections are taken',
  ]);
  expect(readiness.isReady).toBe(false);
});

test('is not ready from the moment of its stop, whatever it said just before or is finding out', async () => {
  const { readiness } = setUp();
  expect(await readiness.reasons()).toEqual([]);
  readiness.stop();
  expect(await readiness.reasons()).toEqual(['draining']);

  const other = setUp().readiness;
  const asked = other.reasons();
  other.stop();
  expect(await asked).toEqual(['draining']);
  expect(other.isReady).toBe(false);
});
