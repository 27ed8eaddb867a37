import { afterEach, expect, test } from 'vitest';
import { Flow } from '../kit/flow.ts';
import { complaints } from '../kit/observe.ts';
import { Reader } from '../kit/reader.ts';
import { startRedis } from '../kit/redis.ts';
import { type Relay, startCluster } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';
import { numbered, range } from './fixture.ts';

const READERS = 6;
const MESSAGES = 1500;
const UNACKNOWLEDGED = 200;

const scope = new Scope();
afterEach(() => scope.end());

async function startPair(): Promise<[going: Relay, staying: Relay]> {
  const redis = scope.keep(await startRedis());
  const cluster = scope.keep(await startCluster({ relays: 2, redis }));
  return cluster.relays as [Relay, Relay];
}

function flowTo(to: string, url: string, count: number): Promise<Flow> {
  const payloads = numbered(count);
  return scope.keep(new Flow({ url, from: `to-${to}`, to, payloads })).start();
}

test('what clients had not acknowledged is stored when their relay stops', async () => {
  const [going, staying] = await startPair();
  const readers = range(1, READERS).map((index) => scope.keep(new Reader({ peer: `r${index}`, acks: false })));
  await Promise.all(readers.map((reader) => reader.connect(going.url)));
  const flows = await Promise.all(readers.map((_, index) => flowTo(`r${index + 1}`, staying.url, UNACKNOWLEDGED)));
  await Promise.all(readers.map((reader) => reader.untilDelivered(UNACKNOWLEDGED)));
  expect(flows.map((flow) => flow.outcomes.size)).toEqual(flows.map(() => 0));

  const exit = going.stop();
  await Promise.all(flows.map((flow) => flow.finish()));
  for (const [index, reader] of readers.entries()) {
    const flow = flows[index] as Flow;
    expect([flow.count('queued'), flow.faults]).toEqual([UNACKNOWLEDGED, []]);
    expect(await reader.connection.next('goaway')).toMatchObject({ reconnectAfterMs: expect.any(Number) });
    expect((await reader.connection.closed).code).toBe(4001);
  }
  expect(await exit).toBe(0);
  expect(complaints(going)).toEqual([]);
  for (const [index, reader] of readers.entries()) {
    // Another client, that has seen nothing of it yet.
    const fresh = scope.keep(new Reader({ peer: `r${index + 1}` }));
    expect((await fresh.connect(staying.url)).queued).toBe(UNACKNOWLEDGED);
    await fresh.until(UNACKNOWLEDGED);
    expect(fresh.ids(`to-r${index + 1}`)).toEqual(range(1, UNACKNOWLEDGED));
    expect(reader.faults).toEqual([]);
  }
});

test('a relay that stops in the middle of traffic loses nothing', async () => {
  const [going, staying] = await startPair();
  const readers = range(1, READERS).map((index) => scope.keep(new Reader({ peer: `r${index}` })));
  await Promise.all(readers.map((reader) => reader.connect(going.url)));
  const flows = await Promise.all(readers.map((_, index) => flowTo(`r${index + 1}`, staying.url, MESSAGES)));
  await Promise.all(readers.map((reader) => reader.until(MESSAGES / 10)));

  const exit = going.stop();
  const moved = readers.map(async (reader) => {
    expect((await reader.connection.closed).code).toBe(4001);
    await reader.connect(staying.url);
    await reader.until(MESSAGES);
  });
  await Promise.all([...moved, ...flows.map((flow) => flow.finish())]);
  expect(await exit).toBe(0);
  for (const [index, reader] of readers.entries()) {
    const flow = flows[index] as Flow;
    expect(reader.ids(`to-r${index + 1}`)).toEqual(range(1, MESSAGES));
    expect([reader.faults, flow.faults]).toEqual([[], []]);
    expect(flow.count('delivered') + flow.count('queued')).toBe(MESSAGES);
  }
  expect([...complaints(going), ...complaints(staying)]).toEqual([]);
});
