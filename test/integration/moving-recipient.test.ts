import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Flow } from '../kit/flow.ts';
import { Reader } from '../kit/reader.ts';
import { createRng } from '../kit/rng.ts';
import { numbered, range, text, useCluster } from './fixture.ts';

const NODES = 3;
const SENDERS = 5;
const MESSAGES = 2000;
const MOVE_EVERY_MS = 50;

describe.each([
  ['of 1,000', '1000'],
  ['that is full most of the time', '60'],
])('with a mailbox %s', (_, cap) => {
  const cluster = useCluster({ relays: NODES, env: { CAUSEWAY_MAILBOX_MESSAGES: cap } });

  test('a recipient that moves to another node every 50 ms is shown everything once and in order', async () => {
    const rng = createRng(2);
    const reader = cluster.keep(new Reader({ peer: 'mover' }));
    await reader.connect(cluster.url(0));
    const payloads = numbered(MESSAGES);
    const flows = Array.from({ length: SENDERS }, (_, index) => {
      const url = cluster.url(index % NODES);
      return cluster.keep(new Flow({ url, from: `sender-${index}`, to: 'mover', payloads }));
    });
    await Promise.all(flows.map((flow) => flow.start()));

    const state = { isDone: false };
    const finished = Promise.all(flows.map((flow) => flow.finish())).finally(() => {
      state.isDone = true;
    });
    let moves = 0;
    let node = 0;
    while (!state.isDone) {
      await sleep(MOVE_EVERY_MS);
      // One half as a broken connection, the other as a second one beside the first.
      if (rng.chance(0.5)) reader.stop();
      // A registration that is refused (too many handovers at once) is no move: the next one follows.
      node = (node + 1 + rng.int(NODES - 1)) % NODES;
      await reader.connect(cluster.url(node)).then(
        () => (moves += 1),
        () => undefined,
      );
    }
    await finished;
    await reader.connect(cluster.url(0));
    await reader.until(SENDERS * MESSAGES);

    for (const [index, flow] of flows.entries()) {
      expect(reader.ids(`sender-${index}`)).toEqual(range(1, MESSAGES));
      expect(flow.faults).toEqual([]);
      expect(flow.count('delivered') + flow.count('queued')).toBe(MESSAGES);
    }
    expect(reader.shown.filter(({ id, payload }) => text(payload) !== String(id))).toEqual([]);
    expect(reader.shown).toHaveLength(SENDERS * MESSAGES);
    expect(reader.faults).toEqual([]);
    expect(moves).toBeGreaterThan(10);
    expect(await cluster.total('causeway_handovers_total')).toBeGreaterThan(0);
    expect(await cluster.total('causeway_drops_total', { reason: 'evicted' })).toBe(0);
  });
});
