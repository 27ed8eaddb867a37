import { describe, expect, test } from 'vitest';
import { Flow } from '../kit/flow.ts';
import { total } from '../kit/observe.ts';
import { Reader } from '../kit/reader.ts';
import { startCluster } from '../kit/relay.ts';
import { waitFor } from '../kit/wait.ts';
import { numbered, range, useCluster } from './fixture.ts';

const CAP = 1000;
const evicted = { reason: 'evicted' };

const cluster = useCluster();

/** Sends so many messages and waits for their receipts. */
async function sent(from: string, to: string, count: number, relay = cluster.url(0)): Promise<Flow> {
  const flow = cluster.keep(new Flow({ url: relay, from, to, payloads: numbered(count) }));
  await flow.start();
  await flow.finish();
  return flow;
}

/** What `action` adds to a counter of the cluster. */
async function added(labels: { reason: string }, action: () => Promise<unknown>): Promise<number> {
  const drops = () => cluster.total('causeway_drops_total', labels);
  const before = await drops();
  await action();
  return (await drops()) - before;
}

describe('1,500 messages for a mailbox of 1,000', () => {
  test('to a peer that was never there: the newest 1,000 arrive, the oldest first', async () => {
    let queued = 0;
    const evictions = await added(evicted, async () => {
      const flow = await sent('alice', 'never', CAP + 500);
      queued = flow.count('queued');
      expect([flow.sends, flow.refusals, flow.faults]).toEqual([CAP + 500, 0, []]);
    });
    expect([queued, evictions]).toEqual([CAP + 500, 500]);

    const reader = cluster.keep(new Reader({ peer: 'never' }));
    const welcome = await reader.connect(cluster.url(1));
    expect(welcome.queued).toBe(CAP);
    await reader.until(CAP);
    expect(reader.ids('alice')).toEqual(range(501, CAP + 500));
    expect(reader.shown.every(({ stored }) => stored)).toBe(true);
  });

  test('to a peer that has just gone: refused while it may come back, then the same', async () => {
    const reader = cluster.keep(new Reader({ peer: 'gone', acks: false }));
    await sent('alice', 'gone', CAP);
    await reader.connect(cluster.url(1));
    await reader.untilDelivered(1);
    await reader.connection.close();
    await waitFor(async () => (await cluster.total('causeway_registrations')) === 1, {
      what: 'the peer is gone and only its sender is left',
    });
    const full = await added({ reason: 'mailbox_full' }, async () => {
      const evictions = await added(evicted, async () => {
        const flow = await sent('bert', 'gone', 500);
        expect(flow.count('queued')).toBe(500);
      });
      expect(evictions).toBe(500);
    });
    expect(full).toBeGreaterThan(0);

    const back = cluster.keep(new Reader({ peer: 'gone' }));
    expect((await back.connect(cluster.url(0))).queued).toBe(CAP);
    await back.until(CAP);
    // The oldest message of the sender who holds most goes first.
    expect(back.ids('alice')).toEqual(range(501, CAP));
    expect(back.ids('bert')).toEqual(range(1, 500));
  });

  test('a sender who floods evicts his own messages only', async () => {
    await sent('meek', 'flooded', 60);
    const evictions = await added(evicted, () => sent('flood', 'flooded', CAP + 500, cluster.url(1)));
    await sent('meek-too', 'flooded', 40);
    const reader = cluster.keep(new Reader({ peer: 'flooded' }));
    await reader.connect(cluster.url(0));
    await reader.until(CAP);
    expect(evictions).toBe(560);
    expect(reader.ids('meek')).toEqual(range(1, 60));
    expect(reader.ids('meek-too')).toEqual(range(1, 40));
    expect(reader.ids('flood')).toEqual(range(601, CAP + 500));
  });
});

test('after the time to live nothing arrives, and the expiry is counted', async () => {
  const env = { CAUSEWAY_MAILBOX_TTL_SECONDS: '1', CAUSEWAY_REDIS_PREFIX: 'brief:' };
  const brief = cluster.keep(await startCluster({ relays: 2, redis: cluster.redis, env }));
  const [first, second] = brief.relays.map((relay) => relay.url) as [string, string];
  const flow = await sent('alice', 'late', 50, first);
  expect(flow.count('queued')).toBe(50);
  await waitFor(async () => (await total(brief.relays, 'causeway_drops_total', { reason: 'expired' })) >= 50, {
    what: 'all are counted as expired',
  });
  const reader = cluster.keep(new Reader({ peer: 'late' }));
  expect((await reader.connect(second)).queued).toBe(0);
  await sent('bert', 'late', 1, first);
  await reader.until(1);
  expect(reader.shown.map(({ from }) => from)).toEqual(['bert']);
  expect(await total(brief.relays, 'causeway_drops_total', { reason: 'expired' })).toBe(50);
});
