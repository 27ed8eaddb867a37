import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Flow } from '../kit/flow.ts';
import { complaints, total } from '../kit/observe.ts';
import { Reader } from '../kit/reader.ts';
import { startRedis } from '../kit/redis.ts';
import { type RelayCluster, startCluster } from '../kit/relay.ts';
import { createRng } from '../kit/rng.ts';
import { Scope } from '../kit/scope.ts';

const SENDERS = 5;
const MESSAGES = 1000;
const MOVE_EVERY_MS = 50;
/** Small enough for the recipient to move many times while the messages are on their way. */
const WINDOW = 16;

const scope = new Scope();
let cluster: RelayCluster;
beforeAll(async () => {
  const redis = scope.keep(await startRedis());
  cluster = scope.keep(await startCluster({ relays: 3, redis }));
});
afterAll(() => scope.end());

test('a recipient that moves to another node every 50 ms is shown everything once and in order', async () => {
  const rng = createRng(2);
  const urls = cluster.relays.map(({ url }) => url);
  const reader = scope.keep(new Reader({ peer: 'mover' }));
  await reader.connect(urls[0] as string);
  const payloads = Array.from({ length: MESSAGES }, (_, index) => Buffer.from(`message ${index + 1}`));
  const flows = Array.from({ length: SENDERS }, (_, index) => {
    const url = urls[index % urls.length] as string;
    return scope.keep(new Flow({ url, from: `sender-${index}`, to: 'mover', payloads, window: WINDOW }));
  });
  await Promise.all(flows.map((flow) => flow.start()));

  const state = { isDone: false };
  const finished = Promise.all(flows.map((flow) => flow.finish())).finally(() => {
    state.isDone = true;
  });
  let moves = 0;
  while (!state.isDone) {
    await sleep(MOVE_EVERY_MS);
    // One half as a broken connection, the other as a second one beside the first.
    if (rng.chance(0.5)) reader.stop();
    moves += 1;
    // A refused registration (too many handovers at once) is a move that failed: the next one follows.
    await reader.connect(urls[moves % urls.length] as string).catch(() => undefined);
  }
  await finished;
  await reader.connect(urls[0] as string);
  await reader.until(SENDERS * MESSAGES);

  const sent = payloads.map((_, index) => index + 1);
  for (const [index, flow] of flows.entries()) {
    expect(reader.ids(`sender-${index}`)).toEqual(sent);
    expect(flow.unowed).toEqual([]);
    expect(flow.count('delivered') + flow.count('queued')).toBe(MESSAGES);
  }
  expect(reader.shown.map(({ id, payload }) => [`message ${id}`, Buffer.from(payload).toString()])).toSatisfy(
    (texts: [string, string][]) => texts.every(([expected, text]) => expected === text),
  );
  expect(reader.shown).toHaveLength(SENDERS * MESSAGES);
  expect(reader.faults).toEqual([]);
  expect(moves).toBeGreaterThan(10);
  expect(await total(cluster.relays, 'causeway_handovers_total')).toBeGreaterThan(0);
  expect(await total(cluster.relays, 'causeway_drops_total', { reason: 'evicted' })).toBe(0);
  expect(cluster.relays.flatMap(complaints)).toEqual([]);
});
