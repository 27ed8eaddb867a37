import { expect, test } from 'vitest';
import { runStorm } from './storm/storm.ts';

const PEERS = 300;

test('the peers of a node that was killed are registered elsewhere, and have what was meant for them', async () => {
  const report = await runStorm({ peers: PEERS, leaseMs: 1000, quietMs: 500, backoff: { minMs: 100, maxMs: 2000 } });
  expect([report.lost, report.reordered]).toEqual([[], []]);
  expect(report.messages).toBe(PEERS + PEERS / 10);
  expect(report.underWay).toBeGreaterThan(100);
  const perPeer = (name: string): number => report.commandsPerPeer.get(name) ?? Number.NaN;
  console.log(report);
  expect(perPeer('register')).toBeGreaterThanOrEqual(1);
  const all = [...report.commandsPerPeer.values()].reduce((sum, count) => sum + count, 0);
  expect(all).toBeLessThan(10);
});
