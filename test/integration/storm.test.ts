import { expect, test } from 'vitest';
import { runStorm } from './storm/storm.ts';

const PEERS = 300;
/** A registration, the end of the former one, a reading of the mailbox, and for each of 1.1 messages a lookup. */
const MOST_COMMANDS = 7;

test('the peers of a node that was killed are registered elsewhere, and have what was meant for them', async () => {
  const report = await runStorm({ peers: PEERS, leaseMs: 1000, quietMs: 500, backoff: { minMs: 100, maxMs: 2000 } });
  expect([report.lost, report.reordered]).toEqual([[], []]);
  expect(report.messages).toBe(PEERS + PEERS / 10);
  expect(report.underWay).toBeGreaterThan(PEERS / 10);
  // One more for each peer whose reply came too late.
  expect(report.commandsPerPeer.get('register')).toBeGreaterThanOrEqual(1);
  const commands = [...report.commandsPerPeer.values()].reduce((sum, count) => sum + count, 0);
  expect(commands).toBeLessThan(MOST_COMMANDS);
});
